package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// newRecycleRun returns a run that has written 40 records to 16 files in turn. The last ones are not acknowledged.
func newRecycleRun(t *testing.T, unacknowledged int) *objectRun {
	r := newRunOf(t, pattern.Layout{Pattern: pattern.Recycle, Objects: 16})
	r.write(40, unacknowledged)
	return r
}

// rename renames the file of an operation to the name of another one.
func (r *objectRun) rename(from, to uint64) {
	r.volume[r.slot(1, to)] = r.volume[r.slot(1, from)]
	delete(r.volume, r.slot(1, from))
}

func TestJudgeRecycle_OldRecordAfterARenameIsStale(t *testing.T) {
	r := newRecycleRun(t, 0)
	old := newRunOf(t, r.input.Layout)
	old.write(14, 0)
	r.volume[r.slot(1, 30)] = old.volume[r.slot(1, 14)] // the overwrite after the rename is lost
	assert.Contains(t, r.requireOne(Stale, 1, 30).Detail, "has the record of epoch 1 sequence 14")
	r.input.Earlier = []journal.ScanReport{newRecycleRun(t, 0).scan()}
	r.requireOne(RolledBack, 1, 30)
}

func TestJudgeRecycle_RecordOfAnotherFileIsMisdirected(t *testing.T) {
	r := newRecycleRun(t, 0)
	r.volume[r.slot(1, 30)] = r.volume[r.slot(1, 29)]
	r.requireOne(Misdirected, 1, 30)
}

func TestJudgeRecycle_LostRenameIsAMissingAndAResurrectedFile(t *testing.T) {
	r := newRecycleRun(t, 0)
	r.rename(30, 14)
	findings := r.findings()
	require.Len(t, findings, 2)
	assert.Equal(t, []Class{Missing, Resurrected}, []Class{findings[0].Class, findings[1].Class})
	assert.Equal(t, []string{"file-00001-000000000030", "file-00001-000000000014"},
		[]string{findings[0].Object, findings[1].Object})
	assert.Contains(t, findings[1].Detail, "was renamed and is present again")
}

func TestJudgeRecycle_OldNameOfAnOperationInFlightIsResurrected(t *testing.T) {
	r := newRecycleRun(t, 6) // 34 acknowledged
	r.rename(40, 24)
	r.requireOne(Resurrected, 1, 24)
}

func TestJudgeRecycle_RenameInFlightIsAllowed(t *testing.T) {
	r := newRecycleRun(t, 6) // 34 acknowledged
	r.rename(25, 41)         // the next operation has only renamed its file
	assert.Empty(t, r.findings())
	delete(r.volume, r.slot(1, 40)) // the renamed file shows that this operation had been started, too
	assert.Empty(t, r.findings())
	r.volume[r.slot(1, 70)] = []byte("not a file of this run")
	delete(r.volume, r.slot(1, 27))
	r.requireOne(Missing, 1, 27)
}
