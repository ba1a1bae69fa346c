package judge

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// objectRun is a run whose writers write objects.
type objectRun struct {
	t      *testing.T
	format journal.Format
	model  pattern.Model
	volume map[journal.Object][]byte
	input  Input
}

// newObjectRun returns a run whose writers overwrite 32 slots.
func newObjectRun(t *testing.T) *objectRun {
	return newRunOf(t, pattern.Layout{Pattern: pattern.Overwrite, Objects: 32})
}

func newRunOf(t *testing.T, layout pattern.Layout) *objectRun {
	r := &objectRun{
		t: t, format: journal.Format{ID: "0123456789abcdef", RecordSize: 256}, volume: map[journal.Object][]byte{},
	}
	r.input.Layout = layout
	var err error
	r.model, err = pattern.NewModel(r.format, r.input.Layout)
	require.NoError(t, err)
	return r
}

// write does n operations of the next epoch, and acknowledges all but the last ones.
func (r *objectRun) write(n, unacknowledged int) {
	r.t.Helper()
	r.input.Epochs++
	encoder, err := pattern.NewEncoder(r.format, r.model, r.input.Epochs)
	require.NoError(r.t, err)
	for i := range n {
		ops, last := encoder.Next(1, func() time.Time { return time.Unix(1, 0) })
		r.volume[ops[0].Object] = append([]byte(nil), ops[0].Content...)
		if removed := ops[0].Removed; removed != nil {
			delete(r.volume, *removed)
		}
		if i == n-1-unacknowledged {
			r.input.Acks = append(r.input.Acks, ledger.Ack{
				Point: journal.Point{Epoch: last.Epoch, Seq: last.Seq}, Digest: last.Checksum,
			})
		}
	}
}

// slot returns the object of an operation.
func (r *objectRun) slot(epoch int, seq uint64) journal.Object {
	return r.model.Written(journal.Point{Epoch: epoch, Seq: seq})
}

func (r *objectRun) scan() journal.ScanReport {
	var points []journal.Point
	for _, ack := range r.input.Acks {
		points = append(points, ack.Point)
	}
	s := pattern.NewScanner(r.format, r.model, points)
	for o, content := range r.volume {
		s.Add(o, content)
	}
	return s.Report()
}

// findings returns the findings in the present state of the volume.
func (r *objectRun) findings() []Finding {
	r.input.Scan = r.scan()
	return Judge(r.input).Findings
}

// requireOne requires one finding of a class, about one operation.
func (r *objectRun) requireOne(class Class, epoch int, seq uint64) Finding {
	r.t.Helper()
	findings := r.findings()
	require.Len(r.t, findings, 1, findings)
	f := findings[0]
	assert.Equal(r.t, class, f.Class, f)
	assert.Equal(r.t, journal.Point{Epoch: epoch, Seq: seq}, journal.Point{Epoch: f.Epoch, Seq: f.First}, f)
	assert.Equal(r.t, uint64(1), f.Records)
	assert.Equal(r.t, r.model.ObjectName(r.slot(epoch, seq)), f.Object)
	offset := r.model.Offset(r.slot(epoch, seq), 256)
	assert.Equal(r.t, []int64{offset, offset + 256}, []int64{f.Offset, f.End})
	return f
}

func TestJudgeObjects_CountsWhatLaterOperationsReplaced(t *testing.T) {
	r := newObjectRun(t)
	r.write(100, 0)
	r.input.Scan = r.scan()
	judgement := Judge(r.input)
	assert.Equal(t, Judgement{Acknowledged: 100, Intact: 100, Superseded: 68}, judgement)
}

func TestJudgeObjects_CountsWhatLaterOperationsRemoved(t *testing.T) {
	r := newObjectRun(t)
	r.input.Layout.Pattern = pattern.Remove
	var err error
	r.model, err = pattern.NewModel(r.format, r.input.Layout)
	require.NoError(t, err)
	r.write(100, 0)
	r.write(20, 0) // fewer than the files that are kept
	for number := range uint64(100 - 32) {
		delete(r.volume, journal.Object{Epoch: 1, Number: number + 1})
	}
	r.input.Scan = r.scan()
	judgement := Judge(r.input)
	assert.Equal(t, Judgement{Acknowledged: 120, Intact: 120, Removed: 68}, judgement)
}

func TestIntactPhrase(t *testing.T) {
	for want, j := range map[string]Judgement{
		"the only acknowledged record is intact":                                      {Acknowledged: 1},
		"all 9 acknowledged records are intact":                                       {Acknowledged: 9},
		"all 9 acknowledged records are intact, or later ones replaced them (4)":      {Acknowledged: 9, Superseded: 4},
		"all 9 acknowledged records are intact, or later operations removed them (4)": {Acknowledged: 9, Removed: 4},
		"all 9 acknowledged records are intact, or later ones replaced them (4), " +
			"or later operations removed them (3)": {Acknowledged: 9, Superseded: 4, Removed: 3},
	} {
		assert.Equal(t, want, j.IntactPhrase())
	}
}

func TestJudgeObjects_ClassOfTheDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		class  Class
		damage func(r *objectRun, slot journal.Object)
		detail string
	}{
		{"zeros", Missing, func(r *objectRun, s journal.Object) { clear(r.volume[s]) }, "has no record, only zeros"},
		{"lost", Missing, func(r *objectRun, s journal.Object) { delete(r.volume, s) }, "has no record, only zeros"},
		{"zeros at the end", Torn, func(r *objectRun, s journal.Object) { clear(r.volume[s][128:]) },
			"begins with 128 bytes of the record of epoch 1 sequence 40, then has zeros"},
		{"short", Torn, func(r *objectRun, s journal.Object) { r.volume[s] = r.volume[s][:100] },
			"has only the first 100 bytes of the record of epoch 1 sequence 40"},
		{"flipped", Corrupt, func(r *objectRun, s journal.Object) { r.volume[s][150] ^= 1 },
			"begins with 150 bytes of the record of epoch 1 sequence 40, then has other bytes"},
		{"flipped in the sequence number", Corrupt, func(r *objectRun, s journal.Object) {
			r.volume[s][bytes.Index(r.volume[s], []byte("000040"))] = '1'
		}, "has 256 bytes that are not an intact record"},
		{"longer", Corrupt, func(r *objectRun, s journal.Object) { r.volume[s] = append(r.volume[s], "x"...) },
			"has the record of epoch 1 sequence 40 and 1 more byte after it"},
		{"longer with zeros", Corrupt, func(r *objectRun, s journal.Object) { r.volume[s] = append(r.volume[s], 0, 0) },
			"has the record of epoch 1 sequence 40 and 2 more bytes after it"},
		{"other bytes", Corrupt, func(r *objectRun, s journal.Object) { r.volume[s] = []byte("something else") },
			"has 14 bytes that are not an intact record"},
		{"other slot", Misdirected, func(r *objectRun, s journal.Object) { r.volume[s] = r.volume[r.slot(1, 41)] },
			"has the record of epoch 1 sequence 41, which belongs to slot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newObjectRun(t)
			r.write(50, 0)
			c.damage(r, r.slot(1, 40))
			assert.Contains(t, r.requireOne(c.class, 1, 40).Detail, c.detail)
		})
	}
}

func TestJudgeObjects_OlderRecordIsStale(t *testing.T) {
	r := newObjectRun(t)
	r.write(32, 0)
	old := append([]byte(nil), r.volume[r.slot(1, 3)]...)
	r.write(10, 0)
	r.volume[r.slot(2, 3)] = old
	assert.Contains(t, r.requireOne(Stale, 2, 3).Detail, "has the record of epoch 1 sequence 3")
}

func TestJudgeObjects_OlderRecordThanAnEarlierPodReadIsRolledBack(t *testing.T) {
	r := newObjectRun(t)
	r.write(32, 0)
	old := append([]byte(nil), r.volume[r.slot(1, 3)]...)
	r.write(10, 0)
	r.input.Earlier = append(r.input.Earlier, r.scan())
	r.volume[r.slot(2, 3)] = old
	r.requireOne(RolledBack, 2, 3)
}

func TestJudgeObjects_RecordThatWasNotAcknowledgedIsAllowed(t *testing.T) {
	r := newObjectRun(t)
	r.write(50, 7)
	assert.Empty(t, r.findings())
}

func TestJudgeObjects_WriteInFlightMayLeaveAPartOfTheRecord(t *testing.T) {
	for _, c := range []struct {
		name string
		seq  uint64 // of the slot that is written in part; 43 was acknowledged, 50 was written
		want int
	}{{"acknowledged", 43, 1}, {"not acknowledged", 44, 0}, {"next", 51, 0}, {"after the next batch", 53, 1}} {
		t.Run(c.name, func(t *testing.T) {
			r := newObjectRun(t)
			r.write(50, 7)
			slot := r.slot(1, c.seq)
			copy(r.volume[slot][100:], "part of another record")
			assert.Len(t, r.findings(), c.want)
		})
	}
}

func TestJudgeObjects_ZerosInFlightAreAFinding(t *testing.T) {
	r := newObjectRun(t)
	r.write(50, 7)
	clear(r.volume[r.slot(1, 51)][100:])
	r.requireOne(Torn, 1, 19)
}

func TestJudgeObjects_TwoWritersAtOnceMayLeaveAnOlderEpoch(t *testing.T) {
	r := newObjectRun(t)
	r.write(40, 5) // up to 35 acknowledged
	late := append([]byte(nil), r.volume[r.slot(1, 38)]...)
	r.write(20, 0)
	r.volume[r.slot(1, 38)] = late
	require.Equal(t, r.slot(1, 38), r.slot(2, 6))
	r.requireOne(Stale, 2, 6)
	r.input.MayOverlap = true
	judgement := Judge(r.input)
	assert.Empty(t, judgement.Findings)
	require.Len(t, judgement.Notes, 1)
	assert.Contains(t, judgement.Notes[0], "two writers ran at the same time: epoch 1 wrote slot")
}

func TestJudgeObjects_OtherRecordThanTheAcknowledgedOne(t *testing.T) {
	r := newObjectRun(t)
	r.write(50, 0)
	r.input.Acks[0].Digest++
	r.requireOne(Corrupt, 1, 50)
}

func TestJudgeObjects_RecordOfAnEpochThatWasNotStartedIsForeign(t *testing.T) {
	r := newObjectRun(t)
	r.write(40, 0)
	r.write(1, 0)
	r.input.Acks, r.input.Epochs = r.input.Acks[:1], 1
	findings := r.findings()
	require.Len(t, findings, 1)
	assert.Equal(t, Foreign, findings[0].Class)
}

func TestJudgeObjects_IncompleteScanIsAFinding(t *testing.T) {
	r := newObjectRun(t)
	r.write(40, 0)
	r.input.Scan = r.scan()
	r.input.Scan.Objects.Unlisted = 1
	assert.Len(t, Judge(r.input).Findings, 1)
}

func TestJudgeObjects_ManyFindingsAreMerged(t *testing.T) {
	r := newObjectRun(t)
	r.write(64, 0)
	for seq := uint64(40); seq < 50; seq++ { // operations that are adjacent
		delete(r.volume, r.slot(1, seq))
	}
	findings := r.findings()
	require.Len(t, findings, 1)
	assert.Equal(t, []uint64{40, 49, 10}, []uint64{findings[0].First, findings[0].Last, findings[0].Records})
	r.write(64, 0)
	for number := range uint64(4) { // slots that are adjacent
		delete(r.volume, journal.Object{Number: 10 + number})
	}
	findings = r.findings()
	require.Len(t, findings, 1)
	assert.Equal(t, uint64(4), findings[0].Records)
	assert.Equal(t, []int64{2560, 2560 + 4*256}, []int64{findings[0].Offset, findings[0].End})
	assert.Contains(t, findings[0].String(), "; 3 more objects")
}

// Another record of the same operation is intact, but it is not the acknowledged one.
func TestDamagedObjects_HasARecordThatWasNotAcknowledged(t *testing.T) {
	r := newObjectRun(t)
	r.write(40, 0)
	last := r.input.Acks[0].Point
	encoder, err := pattern.NewEncoder(r.format, r.model, 1)
	require.NoError(t, err)
	var other pattern.Operation
	for range last.Seq {
		ops, _ := encoder.Next(1, func() time.Time { return time.Unix(2, 0) })
		other = ops[0]
	}
	r.volume[other.Object] = bytes.Clone(other.Content)
	findings := r.findings()
	require.Len(t, findings, 1)
	assert.Equal(t, Corrupt, findings[0].Class)
	damaged := DamagedObjects(r.input)
	require.Len(t, damaged, 1)
	assert.Equal(t, r.slot(last.Epoch, last.Seq), damaged[0].Object)
	assert.Equal(t, Corrupt, damaged[0].Class)
	assert.Contains(t, damaged[0].Detail, "not the acknowledged one")
}
