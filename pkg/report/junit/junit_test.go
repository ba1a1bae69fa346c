package junit

import (
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func rendered(t *testing.T, r result.Result) suites {
	t.Helper()
	encoded, err := Render(r)
	require.NoError(t, err)
	var s suites
	require.NoError(t, xml.Unmarshal(encoded, &s))
	return s
}

func TestRender_CountsTheCases(t *testing.T) {
	all, skipped := samples.All(), map[string]int{"matrix": 1, "not-applicable": 1}
	for name, want := range map[string]counts{
		"pass": {Tests: 1}, "fail": {Tests: 1, Failures: 1}, "empty": {Tests: 1, Failures: 1},
		"overwrite": {Tests: 1, Failures: 1},
		"matrix":    {Tests: 7, Failures: 2, Errors: 1},
		"error":     {Tests: 1, Errors: 1}, "stopped": {Tests: 1, Errors: 1},
		"undetected": {Tests: 2, Errors: 1}, "too-slow": {Tests: 1, Failures: 1}, "not-applicable": {Tests: 1},
	} {
		for _, s := range all {
			if s.Name == name {
				got := rendered(t, s.Result)
				assert.Equal(t, want, got.counts, name)
				assert.Equal(t, want, got.Suite.counts, name)
				assert.Equal(t, skipped[name], got.Suite.Skipped, name)
			}
		}
	}
}

func TestRender_AddsACaseForAVerdictWithoutACell(t *testing.T) {
	r := samples.Pass()
	r.Verdict, r.Reason = "Error", "the required evidence level was not reached"
	got := rendered(t, r)
	assert.Equal(t, counts{Tests: 2, Errors: 1}, got.counts)
	assert.Equal(t, "the required evidence level was not reached", got.Suite.Cases[1].Error.Message)
}

func TestRender_ARunWithoutCellsIsACase(t *testing.T) {
	r := samples.Pass()
	r.Cells = nil
	assert.Equal(t, counts{Tests: 1}, rendered(t, r).counts)
}

// A CI system compares a test with earlier runs by the names of the suite, the class and the test.
func TestRender_NamesAreTheSameInEveryRun(t *testing.T) {
	first, second := samples.Matrix(), samples.Matrix()
	second.RunID = "0123456789abcdef"
	a, b := rendered(t, first), rendered(t, second)
	assert.Equal(t, a.Name, b.Name)
	assert.Equal(t, a.Suite.Name, b.Suite.Name)
	assert.NotContains(t, a.Suite.Name, first.RunID)
	require.Equal(t, len(a.Suite.Cases), len(b.Suite.Cases))
	for i := range a.Suite.Cases {
		assert.Equal(t, a.Suite.Cases[i].Name, b.Suite.Cases[i].Name)
		assert.Equal(t, a.Suite.Cases[i].ClassName, b.Suite.Cases[i].ClassName)
	}
	assert.Contains(t, b.Suite.Properties, property{"run", second.RunID}, "the ID is a property")
}

func TestRender_AFailureHasItsClassAndOffsets(t *testing.T) {
	suite := rendered(t, samples.Fail()).Suite
	c := suite.Cases[0]
	assert.Equal(t, "torn", c.Failure.Type)
	assert.Contains(t, c.Failure.Message, "lost-tail: 209 acknowledged records")
	assert.Contains(t, c.Failure.Text, "of /data/logs.log")
	assert.Contains(t, suite.Properties, property{"nfs-async.intact", "2490"})
	assert.Contains(t, suite.Properties, property{"nfs-async.storageClass", "nfs-async"})
}

func TestRender_AFindingNamesItsLastByte(t *testing.T) {
	r := samples.Fail()
	r.Cells[0].Findings = []judge.Finding{{Class: judge.Corrupt, Records: 1, Offset: 256, End: 512}}
	assert.Contains(t, rendered(t, r).Suite.Cases[0].Failure.Text, ", bytes 256 to 511 of /data/logs.log\n")
	text := rendered(t, samples.TooSlow()).Suite.Cases[0].Failure.Text
	assert.Contains(t, text, "too-slow (")
	assert.NotContains(t, text, "/data/logs.log", "a figure has no place in the journal")
}

func TestRender_CountsSupersededRecordsApart(t *testing.T) {
	properties := rendered(t, samples.Overwrite()).Suite.Properties
	assert.Contains(t, properties, property{"nfs-async.intact", "509"})
	assert.Contains(t, properties, property{"nfs-async.superseded", "2188"})
}

func TestRender_CountsRemovedRecordsApart(t *testing.T) {
	r := samples.Overwrite()
	r.Cells[0].Reader.Judgement.Removed = 500
	properties := rendered(t, r).Suite.Properties
	assert.Contains(t, properties, property{"nfs-async.intact", "9"})
	assert.Contains(t, properties, property{"nfs-async.removed", "500"})
}

// A control with findings has shown that the run detects loss only if all its data is lost.
func TestRender_AControlWithoutTotalLossIsAnError(t *testing.T) {
	for class, isError := range map[judge.Class]bool{judge.Missing: false, judge.Unavailable: true} {
		c := newCase(result.Cell{
			Spec:    options.CellSpec{Name: options.ControlName, Control: true},
			Verdict: judge.Fail, Findings: []judge.Finding{{Class: class, Records: 10}},
		})
		assert.Equal(t, isError, c.Error != nil, class)
		assert.Nil(t, c.Failure)
	}
}

func TestRender_NamesTheFileOfAFinding(t *testing.T) {
	r := samples.Overwrite()
	c := &r.Cells[0]
	c.Findings = []judge.Finding{{Class: judge.Stale, Object: "file-0000003", End: 256, Detail: "has an older record"}}
	failure := rendered(t, r).Suite.Cases[0].Failure
	assert.Contains(t, failure.Text, "stale (file-0000003 has an older record), in /data/logs.log\n")
	assert.NotContains(t, failure.Text, "bytes 0 to 256")
}

// GitLab shows only the text of a failure, an error or a skipped test.
func TestRender_TheTextHasTheReason(t *testing.T) {
	for _, s := range samples.All() {
		for _, c := range rendered(t, s.Result).Suite.Cases {
			for _, o := range []*outcome{c.Failure, c.Error, c.Skipped} {
				if o != nil {
					assert.NotEmpty(t, o.Message, s.Name)
					assert.Contains(t, o.Text, o.Message+"\n", s.Name)
				}
			}
		}
	}
}
