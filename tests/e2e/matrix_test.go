package e2e

import (
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/judge"
)

// cellsByName are the cells of a result.
func cellsByName(r evidence.Result) map[string]evidence.Cell {
	cells := map[string]evidence.Cell{}
	for _, c := range r.Cells {
		cells[c.Plan.Name] = c
	}
	return cells
}

// Without permission to see anything of the cluster's, two classes, each read back
// on the same and on the other node.
func TestSeveralCellsAreComparedInOneRun(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, several(map[string]string{
		"STORAGE_CLASSES": "shared,local-path", "READER_NODE": "same,other", "NEGATIVE_CONTROL": "true",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	cells := cellsByName(o.result)
	require.Len(t, cells, 5)
	for _, name := range []string{"shared/same", "shared/other", "local-path/same"} {
		c := cells[name]
		assert.Equal(t, judge.Pass, c.Verdict, c.Reason)
		assert.Equal(t, "past-cache", c.Custody.Level.String(), c.Custody.Missing)
		assert.Contains(t, c.Custody.AttachedAnew.How, "rbac-optional.yaml")
		assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify/"+name).Verdict)
		requireMeasured(t, c)
	}
	bound := cells["local-path/other"]
	assert.Equal(t, judge.Skipped, bound.Verdict)
	assert.Contains(t, bound.Reason, "didn't match PersistentVolume's node affinity")
	assert.Equal(t, chaosv1alpha1.ProbeVerdictNA, o.probe(t, "verify/local-path/other").Verdict)
	assert.Equal(t, judge.Fail, cells[inputs.ControlName].Verdict, "an emptyDir forgets")
	assert.Equal(t, "100", o.Status.ExperimentStatus.ProbeSuccessPercentage, "Litmus says so of every Pass")
	assert.Len(t, o.Status.ProbeStatuses, 4, "the control is no probe: it is to lose its data")

	table := o.log[strings.Index(o.log, "CELL"):]
	for _, word := range []string{"shared/same", "local-path/other", "Skipped", "control", "past-cache"} {
		assert.Contains(t, table, word)
	}
	requireNothingLeft(t, ns)
}

// requireMeasured fails where a cell has not measured what there is to measure.
func requireMeasured(t *testing.T, c evidence.Cell) {
	t.Helper()
	require.NotNil(t, c.Latency)
	assert.NotZero(t, c.Latency.Count)
	assert.LessOrEqual(t, c.Latency.P50, c.Latency.P99)
	assert.LessOrEqual(t, c.Latency.P99, c.Latency.Max)
	assert.Positive(t, c.Rate())
	recoveries := c.Recoveries()
	require.NotEmpty(t, recoveries)
	for _, r := range recoveries {
		assert.Positive(t, r.AtStake)
		assert.Positive(t, r.Gone)
		assert.LessOrEqual(t, r.Gone, r.Scheduled)
		assert.LessOrEqual(t, r.Scheduled, r.Mounted)
		assert.LessOrEqual(t, r.Mounted, r.Started)
		assert.LessOrEqual(t, r.Started, r.FirstAck)
	}
}
