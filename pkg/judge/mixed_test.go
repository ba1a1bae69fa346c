package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// newMixedRun returns a run with acknowledged operations of all patterns on 24 objects in turn.
func newMixedRun(t *testing.T) *objectRun {
	r := newRunOf(t, pattern.Layout{Pattern: pattern.Mixed, Objects: 24})
	r.write(100, 0)
	return r
}

// lastOf returns the last operation of a pattern.
func (r *objectRun) lastOf(name pattern.Name) uint64 {
	seq := uint64(100)
	for r.model.PatternOf(r.slot(1, seq)) != name {
		seq--
	}
	return seq
}

func TestJudgeMixed_CountsWhatLaterOperationsReplaced(t *testing.T) {
	r := newMixedRun(t)
	r.input.Scan = r.scan()
	judgement := Judge(r.input)
	assert.Empty(t, judgement.Findings)
	assert.Equal(t, r.model.CountShared(100)-12, judgement.Superseded)
}

func TestJudgeMixed_LostObjectIsMissing(t *testing.T) {
	for _, name := range []pattern.Name{
		pattern.Overwrite, pattern.Map, pattern.Replace, pattern.Create, pattern.Remove, pattern.Recycle,
	} {
		t.Run(string(name), func(t *testing.T) {
			r := newMixedRun(t)
			delete(r.volume, r.slot(1, r.lastOf(name)))
			findings := r.findings()
			require.Len(t, findings, 1)
			assert.Equal(t, Missing, findings[0].Class)
			assert.Equal(t, r.lastOf(name), findings[0].First)
		})
	}
}

func TestJudgeMixed_DamagedFileThatWasRemovedIsResurrectedOnly(t *testing.T) {
	r := newMixedRun(t)
	last := r.lastOf(pattern.Remove)
	r.volume[r.slot(1, last-24)] = []byte("damaged")
	findings := r.findings()
	require.Len(t, findings, 1)
	assert.Equal(t, Resurrected, findings[0].Class)
	assert.Equal(t, last, findings[0].First)
	assert.Equal(t, r.model.ObjectName(r.slot(1, last-24)), findings[0].Object)
}
