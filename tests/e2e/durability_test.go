package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	durability "github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// The check prescribes the names of the namespace, pods and claim, so only one run at a time
// can use them.
func TestSTIGCheck_ReportsPassAndFinding(t *testing.T) {
	t.Parallel()
	t.Run("the default options are those of the check", testSTIGDefaults)
	t.Run("an empty journal is a finding, with the fix text", testSTIGFinding)
}

// testSTIGDefaults runs the steps of the check, with its names. Only the duration is shorter.
func testSTIGDefaults(t *testing.T) {
	requireTestCluster(t)
	ns := namespace(t, options.Defaults().Namespace)
	o := run(t, ns, withRecovery(map[string]string{"READER_NODE": "other", "KEEP": "true"}))

	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ResultPhaseCompleted, o.Status.ExperimentStatus.Phase)
	assert.Equal(t, "100", o.Status.ExperimentStatus.ProbeSuccessPercentage)
	targets := []chaosv1alpha1.TargetDetails{{Name: "write-pod", Kind: "pod", ChaosStatus: "targeted"}}
	assert.Equal(t, &chaosv1alpha1.HistoryDetails{PassedRuns: 1, Targets: targets}, o.Status.History)
	assert.Equal(t, chaosv1alpha1.ProbeStatus{
		Verdict:     "Passed",
		Description: "Pod write-pod wrote acknowledged records to claim stig-pvc (StorageClass shared)",
	}, o.probe(t, "write"))
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict)
	assert.Regexp(t, `^All [\d ]+ acknowledged records are intact after [2-9] deletions; `+
		`read on n[12], last written on n[12], bypassing the page cache$`, o.probe(t, "verify").Description)

	cell := o.result.Cells[0]
	assert.Contains(t, o.result.Reason, "V-260932: log data is present")
	assert.NotEqual(t, cell.Epochs[len(cell.Epochs)-1].Node, cell.Reader.Node, "the reader must run on the other node")
	require.NotNil(t, cell.Epochs[0].GracePeriodSeconds)
	assert.Equal(t, int64(30), *cell.Epochs[0].GracePeriodSeconds, "that of the pod")
	for i, e := range cell.Epochs[1:] {
		require.NotNil(t, e.InitialRead)
		assert.Empty(t, e.InitialRead.Judgement.Findings, "findings of the initial read of epoch %d", i+2)
		assert.NotZero(t, e.InitialRead.Judgement.Acknowledged)
	}

	engineEvents, resultEvents := eventsOn(t, ns, "ChaosEngine"), eventsOn(t, ns, "ChaosResult")
	for _, reason := range []string{"PreChaosCheck", "ChaosInject", "PostChaosCheck", "Summary"} {
		assert.Contains(t, engineEvents, reason)
	}
	assert.Contains(t, resultEvents, "Awaited")
	assert.Contains(t, resultEvents["Pass"], "are intact")

	content, err := ns.Exec(within(t), "read-pod", "cat", "/data/logs.log")
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(content))), cell.Reader.ScanResult.SHA256)
	lines := strings.SplitAfter(strings.TrimSuffix(content, "\n"), "\n")
	assert.GreaterOrEqual(t, uint64(len(lines)), ledger.CountRecords(cell.Acks))
	dated := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z `)
	for _, line := range lines {
		require.Regexp(t, dated, line)
	}
}

func TestForcedDeletion_KeepsRecords(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, withRecovery(map[string]string{"FORCE": "true", "READER_NODE": "same", "WRITE_RATE": "500"}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	cell := o.result.Cells[0]
	assert.Equal(t, len(cell.Epochs), cell.Deletions())
	assert.GreaterOrEqual(t, cell.Deletions(), 2)
	require.NotNil(t, cell.Epochs[0].GracePeriodSeconds)
	assert.Zero(t, *cell.Epochs[0].GracePeriodSeconds)
	assert.Equal(t, cell.Epochs[len(cell.Epochs)-1].Node, cell.Reader.Node)
	notShown := strings.Join(cell.NotShown, "")
	assert.Contains(t, notShown, "the reader ran on the writer's node")
	assert.Contains(t, notShown, "the nodes' labels could not be read", "the Role does not grant it")
	requireNothingLeft(t, ns)
}

func TestEmptyDir_Fails(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, withRecovery(map[string]string{"VOLUME_SOURCE": "emptyDir"}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ResultPhaseCompletedWithProbeFailure, o.Status.ExperimentStatus.Phase)
	assert.Equal(t, "50", o.Status.ExperimentStatus.ProbeSuccessPercentage)
	assert.Equal(t, 1, o.Status.History.FailedRuns)
	cell := o.result.Cells[0]
	acknowledged := ledger.CountRecords(cell.Acks)
	require.Len(t, cell.Findings, 1)
	assert.Equal(t, judge.Missing, cell.Findings[0].Class)
	assert.Equal(t, acknowledged, cell.Findings[0].Records)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictFailed, o.probe(t, "verify").Verdict)
	assert.Contains(t, o.probe(t, "verify").Description, fmt.Sprintf(
		"missing: %s acknowledged records, epoch 1 sequence 1 to epoch ", judge.FormatCount(acknowledged)))
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	require.NotNil(t, cell.Epochs[1].InitialRead)
	assert.Equal(t, judge.Missing, cell.Epochs[1].InitialRead.Judgement.Findings[0].Class,
		"the second writer must find that the journal is missing")
	assert.Contains(t, eventsOn(t, ns, "ChaosResult")["Fail"], "missing")
	requireNothingLeft(t, ns)
	requireBundle(t, ns, o)
}

const recordSize = 256

// The journal is truncated between the writer and the reader.
func TestVerdict_TruncatedJournalIsALostTail(t *testing.T) {
	t.Parallel()
	const kept = 100
	ns := newNamespace(t)
	beforeReader(t, ns, func(file string) error { return os.Truncate(file, kept*recordSize) })
	o := run(t, ns, short(map[string]string{"WORKLOAD_NAMESPACE": ns.Name, "READER_NODE": "other"}))

	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	cell := o.result.Cells[0]
	acknowledged := ledger.CountRecords(cell.Acks)
	require.Greater(t, acknowledged, uint64(kept))
	assert.Equal(t, []judge.Finding{{
		Class: judge.LostTail, Epoch: 1, First: kept + 1, Last: acknowledged, Records: acknowledged - kept,
		Offset: kept * recordSize, End: kept * recordSize,
	}}, cell.Findings)
	assert.Contains(t, o.probe(t, "verify").Description, fmt.Sprintf(
		"lost-tail: %s acknowledged records, epoch 1 sequence 101 to %s", judge.FormatCount(acknowledged-kept),
		judge.FormatCount(acknowledged)))
	requireNothingLeft(t, ns)
}

func TestVerdict_FlippedByteIsCorruption(t *testing.T) {
	t.Parallel()
	const record = 57
	ns := newNamespace(t)
	beforeReader(t, ns, func(file string) error { return flipByte(file, (record-1)*recordSize+140) })
	o := run(t, ns, short(nil))

	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, []judge.Finding{{
		Class: judge.Corrupt, Epoch: 1, First: record, Last: record, Records: 1,
		Offset: (record - 1) * recordSize, End: record * recordSize,
	}}, o.result.Cells[0].Findings)
	assert.Contains(t, o.probe(t, "verify").Description, "corrupt: 1 acknowledged record, epoch 1 sequence 57")
}

func flipByte(file string, at int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0x04
	_, err = f.WriteAt(b, at)
	return err
}

// testSTIGFinding checks that the description of a finding has the fix text of the check.
func testSTIGFinding(t *testing.T) {
	ns := namespace(t, options.Defaults().Namespace)
	beforeReader(t, ns, func(file string) error { return os.Truncate(file, 0) })
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	description := o.probe(t, "verify").Description
	assert.Contains(t, description, "missing")
	assert.Contains(t, description, "V-260932: there is no log data, this is a finding. "+durability.STIGFix)
}

// The restart of a kubelet ends every log stream of its node.
func TestVerdict_UnchangedByABrokenLogStream(t *testing.T) {
	requireTestCluster(t)
	ns := newNamespace(t)
	start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "20", "CHAOS_INTERVAL": "20"})
	writer := awaitChaos(t, ns)
	kubelet := "kubelet-" + writer.Spec.NodeName
	cluster(t, "stop", kubelet)
	before, err := os.Stat(volumeFile(t, ns))
	require.NoError(t, err)
	cluster(t, "start", kubelet)
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	assert.Regexp(t, "The log stream (failed; retrying|ended while the pod is running)", o.log,
		"the stream must have been interrupted")
	assert.Greater(t, ledger.CountRecords(o.result.Cells[0].Acks), uint64(before.Size())/recordSize,
		"later acknowledgements must be in the ledger too")
	requireNothingLeft(t, ns)
}

func TestOptions_AllInvalidOnesAreReported(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, map[string]string{
		"FORCE": "perhaps", "RECORD_SIZE": "12", "CLAIM_SIZE": "five",
		"ACCESS_MODE": "ReadWriteOnce,ReadWriteMany", "MAX_CELLS": "1",
	})
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Equal(t, chaosv1alpha1.ResultPhaseError, o.Status.ExperimentStatus.Phase)
	require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
	for _, name := range []string{`FORCE="perhaps"`, `RECORD_SIZE="12"`, `CLAIM_SIZE="five"`, `MAX_CELLS="1"`} {
		assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, name+": want ")
		assert.Contains(t, o.log, strings.ReplaceAll(name, `"`, `\"`))
	}
	assert.NotContains(t, o.log, "created")
	requireNothingLeft(t, ns)
	requireBundle(t, ns, o)
}

func TestOrchestrator_SwarmOptionIsNotApplicable(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, map[string]string{"ORCHESTRATOR": "swarm"})
	assert.Equal(t, chaosv1alpha1.ResultVerdict("N/A"), o.verdict())
	assert.Equal(t, "Awaited", o.Status.ExperimentStatus.ProbeSuccessPercentage, "ChaosCenter shows it as 0")
	assert.Equal(t, chaosv1alpha1.ProbeStatus{
		Verdict:     "N/A",
		Description: "Not Applicable: the orchestrator is Swarm, according to the option ORCHESTRATOR",
	}, o.probe(t, "verify"))
	assert.NotContains(t, o.log, "created")
	requireNothingLeft(t, ns)
	requireNotApplicable(t, requireBundle(t, ns, o))
}

func TestUserProbes_RunBesideTheBuiltInChecks(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, short(nil),
		command("before", "SOT", "echo 1", "1"), command("during", "OnChaos", "echo 1", "1"),
		command("always", "Continuous", "echo 1", "1"),
		command("around", "Edge", "echo 1", "1"), command("after", "EOT", "echo 1", "1"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	var names []string
	for _, p := range o.Status.ProbeStatuses {
		names = append(names, p.Name)
		assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, p.Status.Verdict, p.Name)
		if p.Type == "cmdProbe" {
			assert.Equal(t, "Actual value: '1'. Expected value: '1'", p.Status.Description, "%s must have been executed", p.Name)
		}
	}
	assert.Equal(t, []string{"before", "during", "always", "around", "after", "write", "verify"}, names,
		"the engine's probes come first")
	assert.Equal(t, "100", o.Status.ExperimentStatus.ProbeSuccessPercentage)
}

func TestUserProbes_FailureFailsTheRun(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, short(nil), command("after", "EOT", "echo 2", "1"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ProbeVerdictFailed, o.probe(t, "after").Verdict)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict, "no acknowledged record was lost")
	assert.Equal(t, "66", o.Status.ExperimentStatus.ProbeSuccessPercentage)
	requireNothingLeft(t, ns)
}

// Litmus evaluates such probes after the chaos. Their failure does not end the chaos early.
func TestUserProbes_FailureDuringTheChaosFailsTheRun(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := run(t, ns, short(nil), command("during", "OnChaos", "echo 2", "1"),
		command("always", "Continuous", "echo 2", "1"), command("after", "EOT", "echo 1", "1"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	for name, want := range map[string]chaosv1alpha1.ProbeVerdict{
		"during": "Failed", "always": "Failed", "after": "Passed", "verify": "Passed",
	} {
		assert.Equal(t, want, o.probe(t, name).Verdict, name)
	}
	requireNothingLeft(t, ns)
}

func TestUserProbes_UnexecutedProbeIsAnError(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	late := command("during", "OnChaos", "echo 1", "1")
	late.RunProperties.InitialDelay = "3s" // longer than the chaos
	o := run(t, ns, short(nil), late)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Equal(t, chaosv1alpha1.ProbeVerdictNA, o.probe(t, "during").Verdict)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict)
	requireNothingLeft(t, ns)
}

// The API server rejects an unknown mode, because Litmus's CRDs list the valid ones. They
// accept types that litmus-go cannot execute.
func TestUserProbes_AllMistakesAreReported(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	unknownType, notANumber := command("after", "EOT", "echo 1", "1"), command("before", "SOT", "echo none", "kept")
	unknownType.Type = "sloProbe"
	notANumber.CmdProbeInputs.Comparator.Type, notANumber.CmdProbeInputs.Comparator.Criteria = "int", "=="
	o := run(t, ns, short(map[string]string{"FORCE": "perhaps"}), unknownType, notANumber)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
	for _, want := range []string{
		`FORCE="perhaps": want `,
		`probe "after": type="sloProbe": want cmdProbe, httpProbe, k8sProbe or promProbe`,
		`probe "before": comparator.value="kept": want numbers of type int`,
	} {
		assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, want)
	}
	assert.NotContains(t, o.log, "created")
	requireNothingLeft(t, ns)
	requireBundle(t, ns, o)
}

// command returns a command probe that runs in the experiment's pod.
func command(name, mode, cmd, want string) chaosv1alpha1.ProbeAttributes {
	return chaosv1alpha1.ProbeAttributes{
		Name: name, Type: "cmdProbe", Mode: mode,
		CmdProbeInputs: &chaosv1alpha1.CmdProbeInputs{
			Command: cmd, Comparator: chaosv1alpha1.ComparatorInfo{Type: "string", Criteria: "equal", Value: want},
		},
		RunProperties: chaosv1alpha1.RunProperty{
			ProbeTimeout: "5s", Interval: "1s", ProbePollingInterval: "1s", Retry: 1,
		},
	}
}

func TestNameConflict_IsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	claim := chaosengine.NewClaim("stig-pvc", options.Defaults().ClaimSize)
	before, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason,
		"claim "+ns.Name+"/stig-pvc already exists and was not created by this run")
	after, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, before.UID, after.UID)
	assert.Nil(t, after.DeletionTimestamp)
}
