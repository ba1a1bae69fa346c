package e2e

import (
	"strings"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// cellsByName returns the cells of a result by their names.
func cellsByName(r result.Result) map[string]result.Cell {
	cells := map[string]result.Cell{}
	for _, c := range r.Cells {
		cells[c.Spec.Name] = c
	}
	return cells
}

// Two classes, each read back on the same and on the other node, without cluster-wide
// permissions.
func TestMatrix_ComparesSeveralCellsInOneRun(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	o := run(t, ns, withRecovery(map[string]string{
		"STORAGE_CLASSES": "shared,local-path", "READER_NODE": "same,other", "NEGATIVE_CONTROL": "true",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	cells := cellsByName(o.result)
	require.Len(t, cells, 5)
	for _, name := range []string{"shared/same", "shared/other", "local-path/same"} {
		c := cells[name]
		assert.Equal(t, judge.Pass, c.Verdict, c.Reason)
		assert.Equal(t, "uncached", c.Provenance.Level.String(), c.Provenance.NotReachedReason)
		assert.Contains(t, c.Provenance.Reattached.Reason, "rbac-optional.yaml")
		assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify/"+name).Verdict)
		requireMeasured(t, c)
	}
	bound := cells["local-path/other"]
	assert.Equal(t, judge.Skipped, bound.Verdict)
	assert.Contains(t, bound.Reason, "didn't match PersistentVolume's node affinity")
	assert.Equal(t, chaosv1alpha1.ProbeVerdictNA, o.probe(t, "verify/local-path/other").Verdict)
	assert.Equal(t, judge.Fail, cells[options.ControlName].Verdict, "an emptyDir loses its data")
	assert.Equal(t, "100", o.Status.ExperimentStatus.ProbeSuccessPercentage, "Litmus sets it for every Pass")
	assert.Len(t, o.Status.ProbeStatuses, 4, "the control must not be a probe, because it loses its data")

	table := o.log[strings.Index(o.log, "CELL"):]
	for _, word := range []string{"shared/same", "local-path/other", "Skipped", "control", "uncached"} {
		assert.Contains(t, table, word)
	}
	requireNothingLeft(t, ns)
}

// A run on a healthy volume whose recovery is slower than its threshold.
func TestThreshold_IsAFindingOfItsOwnClass(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	o := run(t, ns, withRecovery(map[string]string{
		"MAX_RECOVERY": "1ms", "MAX_COMMIT_P99": "1h", "METRICS_ADDRESS": ":9464",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	cell := o.result.Cells[0]
	require.Len(t, cell.Findings, 1)
	assert.Equal(t, judge.TooSlow, cell.Findings[0].Class)
	require.Len(t, cell.Thresholds, 2)
	assert.Equal(t, result.Missed, cell.Thresholds[0].Outcome)
	assert.Equal(t, result.Met, cell.Thresholds[1].Outcome)
	assert.Contains(t, o.probe(t, "verify").Description, "acknowledged records are intact")
	assert.Regexp(t, `Serving metrics at http://\S+:9464/metrics`, o.log)
	assert.NotEmpty(t, cell.Epochs[0].Kernel)
	assert.NotEmpty(t, cell.Epochs[0].Mount.Options)
	requireBundle(t, ns, o)
	requireNothingLeft(t, ns)
}

// requireMeasured fails the test if a measurement of the cell is missing or inconsistent.
func requireMeasured(t *testing.T, c result.Cell) {
	t.Helper()
	require.NotNil(t, c.Latency)
	assert.NotZero(t, c.Latency.Count)
	assert.LessOrEqual(t, c.Latency.P50, c.Latency.P99)
	assert.LessOrEqual(t, c.Latency.P99, c.Latency.Max)
	assert.Positive(t, c.Rate())
	recoveries := c.Recoveries()
	require.NotEmpty(t, recoveries)
	for _, r := range recoveries {
		assert.Positive(t, r.AckedAtDeletion)
		assert.Positive(t, r.Deleted)
		assert.LessOrEqual(t, r.Deleted, r.Scheduled)
		assert.LessOrEqual(t, r.Scheduled, r.Mounted)
		assert.LessOrEqual(t, r.Mounted, r.Started)
		assert.LessOrEqual(t, r.Started, r.FirstAck)
	}
	requireTraced(t, c)
}

// requireTraced fails the test if the steps of a cell that was read back have a gap, or differ from the times of its
// pods.
func requireTraced(t *testing.T, c result.Cell) {
	t.Helper()
	require.NotNil(t, c.Trace)
	ended := map[result.StepName]map[time.Time]bool{}
	for i, s := range c.Trace.Steps {
		if i > 0 {
			assert.True(t, s.StartedAt.Equal(c.Trace.Steps[i-1].EndedAt), "%s begins when %s ends", s.Name,
				c.Trace.Steps[i-1].Name)
		}
		if ended[s.Name] == nil {
			ended[s.Name] = map[time.Time]bool{}
		}
		ended[s.Name][s.EndedAt] = true
	}
	for _, e := range c.Epochs {
		// Two states of a pod may be observed at once, or after its first acknowledgement.
		if e.StartedAt.After(e.MountedAt) && e.StartedAt.Before(e.FirstAckAt) {
			assert.True(t, ended[result.Starting][e.StartedAt], "start of writer %d", e.Number)
		}
		assert.True(t, ended[result.FirstAck][e.FirstAckAt], "first acknowledgement of writer %d", e.Number)
		assert.True(t, ended[result.Terminating][e.DeletedAt], "end of writer %d", e.Number)
	}
	assert.True(t, ended[result.Reading][c.Reader.ReceivedAt])
	for _, name := range []result.StepName{result.Scheduling, result.Writing, result.Judging, result.Removing} {
		assert.NotEmpty(t, ended[name], name)
	}
}

// The classes csi-… belong to the CSI driver in tests/csi, whose volumes are attached,
// mounted, unmounted and detached. Both nodes are on one machine, so no cell reaches the
// highest evidence level.
func TestMatrix_EveryClassAndVolumeMode(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := run(t, ns, withRecovery(map[string]string{
		"STORAGE_CLASSES": "csi-ext4,csi-xfs,csi-btrfs,csi-block,csi-shared,csi-gluster,csi-tmpfs,csi-faulty," +
			"shared,local-path",
		"VOLUME_MODE": "Filesystem,Block", "ACCESS_MODE": "ReadWriteOncePod", "READER_NODE": "other", "FORCE": "true",
		"NEGATIVE_CONTROL": "true", "PARALLEL_CELLS": "20", "CLAIM_SIZE": "320Mi",
		"SUPPLEMENTAL_GROUPS": diskGroup, // for the raw block devices on n2
	}))
	cells := cellsByName(o.result)
	require.Len(t, cells, 10*2+1)
	for name, want := range map[string]struct {
		verdict judge.Verdict
		level   provenance.Level
		reason  string
	}{
		"csi-ext4/filesystem":    {judge.Pass, provenance.Reattached, "are intact"},
		"csi-xfs/filesystem":     {judge.Pass, provenance.Reattached, "are intact"},
		"csi-btrfs/filesystem":   {judge.Pass, provenance.Reattached, "are intact"},
		"csi-shared/filesystem":  {judge.Pass, provenance.Reattached, "are intact"},
		"csi-gluster/filesystem": {judge.Pass, provenance.Reattached, "are intact"},
		"shared/filesystem":      {judge.Pass, provenance.Uncached, "are intact"},
		"csi-ext4/block":         {judge.Pass, provenance.Reattached, "are intact"},
		"csi-xfs/block":          {judge.Pass, provenance.Reattached, "are intact"},
		"csi-btrfs/block":        {judge.Pass, provenance.Reattached, "are intact"},
		"csi-block/block":        {judge.Pass, provenance.Reattached, "are intact"},
		// Each mount of csi-tmpfs is a new filesystem, which the mount's identity shows.
		"csi-tmpfs/filesystem":  {judge.Fail, provenance.None, "missing"},
		"csi-faulty/filesystem": {judge.Fail, provenance.Reattached, "lost-tail"},
		"csi-block/filesystem":  {judge.Skipped, provenance.None, "code = InvalidArgument"},
		"csi-gluster/block":     {judge.Skipped, provenance.None, "code = InvalidArgument"},
		"csi-shared/block":      {judge.Skipped, provenance.None, "code = InvalidArgument"},
		"csi-tmpfs/block":       {judge.Skipped, provenance.None, "code = InvalidArgument"},
		"csi-faulty/block":      {judge.Skipped, provenance.None, "code = InvalidArgument"},
		"shared/block":          {judge.Skipped, provenance.None, "claim"},
		"local-path/block":      {judge.Skipped, provenance.None, "claim"},
		"local-path/filesystem": {judge.Skipped, provenance.None, "node affinity"},
	} {
		c := cells[name]
		assert.Equal(t, want.verdict, c.Verdict, "%s: %s", name, c.Reason)
		assert.Equal(t, want.level, c.Provenance.Level, "%s: %s", name, c.Provenance.NotReachedReason)
		assert.Contains(t, c.Reason, want.reason, name)
		switch want.verdict {
		case judge.Pass:
			assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify/"+name).Verdict)
			assert.True(t, c.Provenance.SameVolume.IsYes(), c.Provenance.SameVolume.Reason)
			requireMeasured(t, c)
		case judge.Fail:
			assert.Equal(t, chaosv1alpha1.ProbeVerdictFailed, o.probe(t, "verify/"+name).Verdict)
		default:
			assert.Equal(t, chaosv1alpha1.ProbeVerdictNA, o.probe(t, "verify/"+name).Verdict)
		}
	}
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	assert.Equal(t, "50", o.Status.ExperimentStatus.ProbeSuccessPercentage, "10 of 20 cells passed")
	assert.Equal(t, judge.Fail, cells[options.ControlName].Verdict, "an emptyDir loses its data")
	requireNothingLeft(t, ns)
}

// The run waits until a volume is detached if the required level needs that. A cell below the
// required level does not pass.
func TestRequiredEvidence_LowerLevelIsAnError(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := run(t, ns, short(map[string]string{
		"STORAGE_CLASSES": "csi-ext4,shared", "READER_NODE": "same,other", "FORCE": "false,true",
		"REQUIRED_EVIDENCE": "reattached",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	for _, c := range o.result.Cells {
		if strings.HasPrefix(c.Spec.Name, "csi-ext4/") {
			assert.Equal(t, judge.Pass, c.Verdict, c.Reason)
			assert.Equal(t, provenance.Reattached, c.Provenance.Level, "%s: %s", c.Spec.Name, c.Provenance.NotReachedReason)
			if unused := c.Provenance.Unused; unused != nil { // since Kubernetes 1.37
				assert.Equal(t, provenance.Yes, unused.Answer, "%s: %s", c.Spec.Name, unused.Reason)
			}
			continue
		}
		assert.Equal(t, judge.Error, c.Verdict, c.Reason)
		assert.Contains(t, c.Reason, "the evidence level is uncached, but REQUIRED_EVIDENCE is reattached")
	}
	requireNothingLeft(t, ns)
}

// TARGET_PODS, PODS_AFFECTED_PERC and SEQUENCE select among the writers of the cells.
func TestTargetPods_OnlyTargetsAreDeletedAtTheIntervals(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	unknown := run(t, ns, short(map[string]string{"STORAGE_CLASSES": "shared,csi-shared", "TARGET_PODS": "write-pod"}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, unknown.verdict())
	assert.Contains(t, unknown.result.Reason,
		`TARGET_PODS="write-pod": want writers of this run: write-pod-shared, write-pod-csi-shared`)

	ns = newNamespace(t)
	o := run(t, ns, withRecovery(map[string]string{
		"STORAGE_CLASSES": "shared,csi-shared", "SEQUENCE": "serial",
		"TARGET_PODS": "write-pod-shared", "PODS_AFFECTED_PERC": "100",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	cells := cellsByName(o.result)
	assert.GreaterOrEqual(t, cells["shared"].Deletions(), 2)
	assert.Equal(t, 1, cells["csi-shared"].Deletions(), "it must only be deleted at the end, before the reader")
	requireNothingLeft(t, ns)
}
