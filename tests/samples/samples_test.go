package samples

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

func TestAll_HasEveryVerdict(t *testing.T) {
	ofRuns, ofCells := map[judge.Verdict]bool{}, map[judge.Verdict]bool{}
	for _, s := range All() {
		ofRuns[s.Result.Verdict] = true
		assert.NotEmpty(t, s.Result.Reason, s.Name)
		for _, c := range s.Result.Cells {
			ofCells[c.Verdict] = true
			assert.Equal(t, c.Verdict == judge.Fail, len(c.Findings) > 0, "%s, cell %q", s.Name, c.Spec.Name)
			assert.NotEmpty(t, c.Reason, "%s, cell %q", s.Name, c.Spec.Name)
		}
	}
	for _, v := range []judge.Verdict{judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.NotApplicable} {
		assert.True(t, ofRuns[v], v)
	}
	assert.True(t, ofCells[judge.Skipped])
}

func TestAll_IsDeterministic(t *testing.T) {
	one, err := json.Marshal(All())
	require.NoError(t, err)
	two, err := json.Marshal(All())
	require.NoError(t, err)
	assert.Equal(t, one, two)
}
