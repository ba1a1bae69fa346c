package judge

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

const size = 256

var format = journal.Format{ID: "0123456789abcdef", Size: size}

// volume is a journal in memory, with the acknowledgements its writers were given.
type volume struct {
	t     *testing.T
	bytes []byte
	acks  []ledger.Ack
	epoch int
}

func newVolume(t *testing.T) *volume { return &volume{t: t} }

func (v *volume) Write(b []byte) (int, error) {
	v.bytes = append(v.bytes, b...)
	return len(b), nil
}

func (v *volume) Datasync() error { return nil }

// writes is a new epoch that commits acked records that are acknowledged, then
// inFlight ones that are not.
func (v *volume) writes(acked, inFlight int) *volume {
	v.t.Helper()
	v.epoch++
	unterminated := len(v.bytes) > 0 && v.bytes[len(v.bytes)-1] != '\n'
	w, err := journal.NewWriter(v, format, v.epoch, int64(len(v.bytes)), unterminated)
	require.NoError(v.t, err)
	now := func() time.Time { return time.Date(2026, 11, 24, 12, v.epoch, 0, len(v.bytes), time.UTC) }
	if acked > 0 {
		last, err := w.Commit(acked, now)
		require.NoError(v.t, err)
		v.acks = append(v.acks, ledger.Ack{Point: journal.Point{Epoch: v.epoch, Seq: last.Seq}, Digest: last.Sum})
	}
	if inFlight > 0 {
		_, err = w.Commit(inFlight, now)
		require.NoError(v.t, err)
	}
	return v
}

// becomes damages the volume.
func (v *volume) becomes(damage func(b []byte) []byte) *volume {
	v.bytes = damage(v.bytes)
	return v
}

func (v *volume) scan() journal.Report {
	v.t.Helper()
	points := make([]journal.Point, len(v.acks))
	for i, a := range v.acks {
		points[i] = a.Point
	}
	report, err := journal.Scan(bytes.NewReader(v.bytes), format, points)
	require.NoError(v.t, err)
	return report
}

func (v *volume) judged() Judgement {
	v.t.Helper()
	return Judge(Input{Acks: v.acks, Report: v.scan(), Epochs: v.epoch})
}

func cut(n int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:n:n] }
}

func cutOut(from, to int) func([]byte) []byte {
	return func(b []byte) []byte { return append(b[:from:from], b[to:]...) }
}

func insert(at int, what []byte) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Join([][]byte{b[:at], what, b[at:]}, nil) }
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 0x10
		return b
	}
}

func zero(from, to int) func([]byte) []byte {
	return func(b []byte) []byte {
		clear(b[from:to])
		return b
	}
}

func move(from, to, n int) func([]byte) []byte {
	return func(b []byte) []byte {
		copy(b[to:to+n], bytes.Clone(b[from:from+n]))
		return b
	}
}

func swap(a, b, n int) func([]byte) []byte {
	return func(c []byte) []byte {
		first := bytes.Clone(c[a : a+n])
		copy(c[a:], c[b:b+n])
		copy(c[b:], first)
		return c
	}
}

func TestWhatIsNoFinding(t *testing.T) {
	for name, v := range map[string]*volume{
		"everything is there":                            newVolume(t).writes(100, 0).writes(50, 0),
		"records that were never acknowledged are there": newVolume(t).writes(100, 7).writes(50, 3),
		"unacknowledged records are lost":                newVolume(t).writes(100, 7).becomes(cut(100 * size)),
		"an unacknowledged record is torn":               newVolume(t).writes(100, 7).becomes(cut(103*size + 100)),
		"the next epoch goes on after a torn record":     newVolume(t).writes(100, 7).becomes(cut(103*size+100)).writes(50, 0),
		"and again":                                       newVolume(t).writes(100, 7).becomes(cut(103*size+100)).writes(50, 2).becomes(cut(153*size+130)).writes(5, 0),
		"an unacknowledged record is zeroed":              newVolume(t).writes(100, 7).becomes(zero(102*size, 103*size)),
		"zeros follow the acknowledged records":           newVolume(t).writes(100, 7).becomes(zero(100*size, 107*size)).writes(50, 0),
		"an unacknowledged record is lost, a later not":   newVolume(t).writes(100, 7).becomes(cutOut(101*size, 103*size)),
		"an epoch wrote nothing that was acknowledged":    newVolume(t).writes(100, 0).writes(0, 7).writes(50, 0),
		"an epoch without acknowledgement lost all":       newVolume(t).writes(100, 0).writes(0, 7).becomes(cut(100*size)).writes(50, 0),
		"an epoch without acknowledgement lost its start": newVolume(t).writes(100, 0).writes(0, 7).becomes(cutOut(100*size, 102*size)).writes(50, 0),
	} {
		t.Run(name, func(t *testing.T) {
			judgement := v.judged()
			assert.Empty(t, judgement.Findings)
			assert.Equal(t, judgement.Acknowledged, judgement.Intact)
			assert.NotZero(t, judgement.Acknowledged)
		})
	}
}

func TestEveryDamageToAcknowledgedDataIsNamed(t *testing.T) {
	other := otherJournal(t)
	for _, c := range []struct {
		name   string
		volume *volume
		want   []Finding
		intact uint64
	}{
		{
			"the last acknowledged records are cut off",
			newVolume(t).writes(100, 0).becomes(cut(60 * size)),
			[]Finding{{Class: LostTail, Epoch: 1, First: 61, Last: 100, Records: 40, Offset: 60 * size, End: 60 * size}}, 60,
		},
		{
			"only the very last acknowledged record is cut off",
			newVolume(t).writes(100, 0).becomes(cut(99 * size)),
			[]Finding{{Class: LostTail, Epoch: 1, First: 100, Last: 100, Records: 1, Offset: 99 * size, End: 99 * size}}, 99,
		},
		{
			"the last acknowledged record lacks its last byte",
			newVolume(t).writes(100, 0).becomes(cut(100*size - 1)),
			[]Finding{{Class: Torn, Epoch: 1, First: 100, Last: 100, Records: 1, Offset: 99 * size, End: 100*size - 1}}, 99,
		},
		{
			"the journal is cut within a record",
			newVolume(t).writes(100, 0).becomes(cut(60*size + 33)),
			[]Finding{
				{Class: Torn, Epoch: 1, First: 61, Last: 61, Records: 1, Offset: 60 * size, End: 60*size + 33},
				{Class: LostTail, Epoch: 1, First: 62, Last: 100, Records: 39, Offset: 60*size + 33, End: 60*size + 33},
			}, 60,
		},
		{
			"a tail lost between two epochs and overwritten by the next",
			newVolume(t).writes(100, 5).becomes(cut(60*size)).writes(80, 0),
			[]Finding{{Class: LostTail, Epoch: 1, First: 61, Last: 100, Records: 40, Offset: 60 * size, End: 60 * size}}, 140,
		},
		{
			"a whole epoch is gone from the end",
			newVolume(t).writes(100, 0).writes(50, 0).becomes(cut(100 * size)),
			[]Finding{{Class: LostTail, Epoch: 2, First: 1, Last: 50, Records: 50, Offset: 100 * size, End: 100 * size}}, 100,
		},
		{
			"a whole epoch is gone from between",
			newVolume(t).writes(100, 0).writes(50, 0).writes(20, 0).becomes(cutOut(100*size, 150*size)),
			[]Finding{{Class: LostTail, Epoch: 2, First: 1, Last: 50, Records: 50, Offset: 100 * size, End: 100 * size}}, 120,
		},
		{
			"the beginning is gone",
			newVolume(t).writes(100, 0).becomes(cutOut(0, 10*size)),
			[]Finding{{Class: LostGap, Epoch: 1, First: 1, Last: 10, Records: 10}}, 90,
		},
		{
			"a hole",
			newVolume(t).writes(100, 0).becomes(cutOut(10*size, 15*size)),
			[]Finding{{Class: LostGap, Epoch: 1, First: 11, Last: 15, Records: 5, Offset: 10 * size, End: 10 * size}}, 95,
		},
		{
			"a flipped bit",
			newVolume(t).writes(100, 0).becomes(flip(42*size + 7)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 43, Last: 43, Records: 1, Offset: 42 * size, End: 43 * size}}, 99,
		},
		{
			"a flipped bit in the last acknowledged record",
			newVolume(t).writes(100, 0).becomes(flip(99*size + 200)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 100, Last: 100, Records: 1, Offset: 99 * size, End: 100 * size}}, 99,
		},
		{
			"a flipped bit in the first record of the second epoch",
			newVolume(t).writes(100, 0).writes(50, 0).becomes(flip(100*size + 200)),
			[]Finding{{Class: Corrupt, Epoch: 2, First: 1, Last: 1, Records: 1, Offset: 100 * size, End: 101 * size}}, 149,
		},
		{
			"a zeroed page",
			newVolume(t).writes(100, 0).becomes(zero(4096, 8192)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192}}, 84,
		},
		{
			"a zeroed tail",
			newVolume(t).writes(100, 0).becomes(zero(90*size, 100*size)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 91, Last: 100, Records: 10, Offset: 90 * size, End: 100 * size}}, 90,
		},
		{
			"everything is zero",
			newVolume(t).writes(10, 0).becomes(zero(0, 10*size)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 1, Last: 10, Records: 10, End: 10 * size}}, 0,
		},
		{
			"two pages swapped",
			newVolume(t).writes(100, 0).becomes(swap(4096, 8192, 4096)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 8192, End: 12288},
				{Class: Reordered, Epoch: 1, First: 33, Last: 48, Records: 16, Offset: 4096, End: 8192},
			}, 100,
		},
		{
			"two pages swapped that are far apart",
			newVolume(t).writes(100, 0).becomes(swap(4096, 5*4096, 4096)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 5 * 4096, End: 6 * 4096},
				{Class: Reordered, Epoch: 1, First: 81, Last: 96, Records: 16, Offset: 4096, End: 8192},
			}, 100,
		},
		{
			"a page landed on a later one, and is not where it should be",
			newVolume(t).writes(100, 0).becomes(move(4096, 12288, 4096)).becomes(zero(4096, 8192)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 12288, End: 16384},
				{Class: Corrupt, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 12288, End: 16384},
			}, 84,
		},
		{
			"a page landed on an earlier one, and is not where it should be",
			newVolume(t).writes(100, 0).becomes(move(12288, 4096, 4096)).becomes(zero(12288, 16384)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 4096, End: 8192},
				{Class: Corrupt, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192},
			}, 84,
		},
		{
			"a page written over another",
			newVolume(t).writes(100, 0).becomes(move(4096, 12288, 4096)),
			[]Finding{
				{Class: Duplicated, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 12288, End: 16384},
				{Class: Corrupt, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 12288, End: 16384},
			}, 84,
		},
		{
			"a page written over an earlier one",
			newVolume(t).writes(100, 0).becomes(move(12288, 4096, 4096)),
			[]Finding{
				{Class: Duplicated, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 4096, End: 8192},
				{Class: Corrupt, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192},
			}, 84,
		},
		{
			"a page written over the last one",
			newVolume(t).writes(96, 0).becomes(move(4096, 5*4096, 4096)),
			[]Finding{
				{Class: Duplicated, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 5 * 4096, End: 6 * 4096},
				{Class: Corrupt, Epoch: 1, First: 81, Last: 96, Records: 16, Offset: 5 * 4096, End: 6 * 4096},
			}, 80,
		},
		{
			"a page twice",
			newVolume(t).writes(100, 0).becomes(func(b []byte) []byte { return insert(4096, b[:4096])(b) }),
			[]Finding{{Class: Duplicated, Epoch: 1, First: 1, Last: 16, Records: 16, Offset: 4096, End: 8192}}, 100,
		},
		{
			"bytes between intact records that nobody wrote",
			newVolume(t).writes(100, 0).becomes(insert(10*size, []byte("surprise\n"))),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 10, Last: 11, Offset: 10 * size, End: 10*size + 9, Detail: "9 bytes that nobody wrote, between intact records"}}, 100,
		},
		{
			"bytes before the first record that nobody wrote",
			newVolume(t).writes(100, 0).becomes(insert(0, []byte("surprise\n"))),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 1, Last: 1, Offset: 0, End: 9, Detail: "9 bytes that nobody wrote, before the first record"}}, 100,
		},
		{
			"an empty line between intact records",
			newVolume(t).writes(100, 0).becomes(insert(10*size, []byte("\n"))),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 10, Last: 11, Offset: 10 * size, End: 10*size + 1, Detail: "1 bytes that nobody wrote, between intact records"}}, 100,
		},
		{
			"an empty journal",
			newVolume(t).writes(100, 0).writes(50, 0).becomes(cut(0)),
			[]Finding{{Class: Missing, Epoch: 1, First: 1, LastEpoch: 2, Last: 50, Records: 150, Detail: "the journal is empty"}}, 0,
		},
		{
			"another run's journal in its place",
			newVolume(t).writes(100, 0).becomes(func([]byte) []byte { return other }),
			[]Finding{{Class: Foreign, Epoch: 1, First: 1, Last: 100, Records: 100, End: int64(len(other)), Detail: "only the journal of run fedcba9876543210 is there"}}, 0,
		},
		{
			"another run's records after ours",
			newVolume(t).writes(100, 0).becomes(func(b []byte) []byte { return append(b, other...) }),
			[]Finding{{Class: Foreign, Offset: 100 * size, End: int64(100*size + len(other)), Detail: "3 records of run fedcba9876543210"}}, 100,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			judgement := c.volume.judged()
			assert.Equal(t, c.want, judgement.Findings)
			assert.Equal(t, c.intact, judgement.Intact)
		})
	}
}

func otherJournal(t *testing.T) []byte {
	t.Helper()
	v := newVolume(t)
	w, err := journal.NewWriter(v, journal.Format{ID: "fedcba9876543210", Size: 300}, 1, 0, false)
	require.NoError(t, err)
	_, err = w.Commit(3, time.Now)
	require.NoError(t, err)
	return v.bytes
}

func TestNoJournalAtAll(t *testing.T) {
	v := newVolume(t).writes(100, 0)
	judgement := Judge(Input{Acks: v.acks, Report: journal.Report{Format: format}, Epochs: 1})
	assert.Equal(t, []Finding{{Class: Missing, Epoch: 1, First: 1, Last: 100, Records: 100, Detail: "there is no journal"}}, judgement.Findings)
}

func TestAnEarlierReadBackTellsARollbackFromALostTail(t *testing.T) {
	v := newVolume(t).writes(100, 0)
	atRestart := v.scan()
	v.writes(50, 0).becomes(cut(60 * size))
	judgement := Judge(Input{Acks: v.acks, Report: v.scan(), Earlier: []journal.Report{atRestart}, Epochs: 2})
	assert.Equal(t, []Finding{
		{Class: RolledBack, Epoch: 1, First: 61, Last: 100, Records: 40, Offset: 60 * size, End: 60 * size, Detail: "an earlier pod had read back more"},
		{Class: RolledBack, Epoch: 2, First: 1, Last: 50, Records: 50, Offset: 60 * size, End: 60 * size, Detail: "an earlier pod had read back more"},
	}, judgement.Findings)
}

func TestATailThatNobodyHadReadBackIsLost(t *testing.T) {
	v := newVolume(t).writes(100, 0)
	atRestart := v.scan()
	v.writes(50, 0).becomes(cut(110 * size))
	judgement := Judge(Input{Acks: v.acks, Report: v.scan(), Earlier: []journal.Report{atRestart}, Epochs: 2})
	assert.Equal(t, []Finding{{Class: LostTail, Epoch: 2, First: 11, Last: 50, Records: 40, Offset: 110 * size, End: 110 * size}}, judgement.Findings)
}

func TestARollbackThatWasWrittenOnShowsInWhatHadBeenReadBack(t *testing.T) {
	v := newVolume(t).writes(100, 0)
	atRestart := v.scan()
	v.writes(50, 0).becomes(cut(60*size)).writes(200, 0)
	judgement := Judge(Input{Acks: v.acks, Report: v.scan(), Earlier: []journal.Report{atRestart}, Epochs: 3})
	assert.Equal(t, []Finding{
		{Class: RolledBack, Epoch: 1, First: 61, Last: 100, Records: 40, Offset: 60 * size, End: 60 * size, Detail: "an earlier pod had read back more"},
		{Class: LostTail, Epoch: 2, First: 1, Last: 50, Records: 50, Offset: 60 * size, End: 60 * size},
	}, judgement.Findings)
}

// unreadable is what a scan reports where a range of the file could not be read.
func (v *volume) unreadable(from, to int) journal.Report {
	v.t.Helper()
	report := v.becomes(zero(from, to)).scan()
	report.Unreadable = []journal.Range{{Offset: int64(from), Length: int64(to - from)}}
	return report
}

func TestWhatCannotBeReadIsUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		volume   *volume
		from, to int
		want     []Finding
	}{
		"in the middle": {newVolume(t).writes(100, 0), 4096, 8192,
			[]Finding{{Class: Unavailable, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192, Detail: "4096 bytes could not be read"}}},
		"at the end": {newVolume(t).writes(90, 0), 5 * 4096, 90 * size,
			[]Finding{{Class: Unavailable, Epoch: 1, First: 81, Last: 90, Records: 10, Offset: 5 * 4096, End: 90 * size, Detail: "2560 bytes could not be read"}}},
		"all of it": {newVolume(t).writes(16, 0), 0, 4096,
			[]Finding{{Class: Unavailable, Epoch: 1, First: 1, Last: 16, Records: 16, Offset: 0, End: 4096, Detail: "4096 bytes could not be read"}}},
		"only what was never acknowledged": {newVolume(t).writes(80, 16), 5 * 4096, 6 * 4096, nil},
	} {
		t.Run(name, func(t *testing.T) {
			report := c.volume.unreadable(c.from, c.to)
			assert.Equal(t, c.want, Judge(Input{Acks: c.volume.acks, Report: report, Epochs: 1}).Findings)
		})
	}
}

func TestAnOlderVersionOfAPageIsNoGoodData(t *testing.T) {
	older := newVolume(t)
	older.epoch = 0
	w, err := journal.NewWriter(older, format, 1, 0, false)
	require.NoError(t, err)
	_, err = w.Commit(100, func() time.Time { return time.Unix(0, 0) })
	require.NoError(t, err)
	for _, c := range []struct {
		name        string
		from, to    int
		first, last uint64
	}{
		{"in the middle", 16, 32, 17, 32},
		{"at the beginning", 0, 16, 1, 16},
		{"at the end", 80, 100, 81, 100},
		{"throughout", 0, 100, 1, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVolume(t).writes(100, 0)
			copy(v.bytes[c.from*size:c.to*size], older.bytes[c.from*size:])
			judgement := v.judged()
			require.Len(t, judgement.Findings, 1)
			f := judgement.Findings[0]
			assert.Equal(t, Corrupt, f.Class)
			assert.Equal(t, []uint64{c.first, c.last}, []uint64{f.First, f.Last})
		})
	}
}

// interleaved is a journal in which a second writer began while the first one was still at work.
func interleaved(t *testing.T) *volume {
	t.Helper()
	v := newVolume(t)
	first, err := journal.NewWriter(v, format, 1, 0, false)
	require.NoError(t, err)
	_, err = first.Commit(10, time.Now)
	require.NoError(t, err)
	second, err := journal.NewWriter(v, format, 2, int64(len(v.bytes)), false)
	require.NoError(t, err)
	_, err = second.Commit(5, time.Now)
	require.NoError(t, err)
	last, err := first.Commit(3, time.Now)
	require.NoError(t, err)
	v.acks = append(v.acks, ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Sum})
	last, err = second.Commit(5, time.Now)
	require.NoError(t, err)
	v.acks = append(v.acks, ledger.Ack{Point: journal.Point{Epoch: 2, Seq: last.Seq}, Digest: last.Sum})
	v.epoch = 2
	return v
}

func TestTwoWritersAtOnceAreNotedAndNotMistakenForDamage(t *testing.T) {
	v := interleaved(t)
	judgement := Judge(Input{Acks: v.acks, Report: v.scan(), Epochs: 2, MayOverlap: true})
	assert.Empty(t, judgement.Findings)
	assert.Equal(t, []string{"two writers were alive at once: epoch 1 wrote after epoch 2 had begun"}, judgement.Notes)
}

func TestTheSameWithoutAForcedDeletionIsAFinding(t *testing.T) {
	judgement := interleaved(t).judged()
	require.Len(t, judgement.Findings, 1)
	assert.Equal(t, Reordered, judgement.Findings[0].Class)
}

func TestDamageIsFoundWhereTwoWritersOverlapped(t *testing.T) {
	v := interleaved(t).becomes(flip(12*size + 50))
	judgement := Judge(Input{Acks: v.acks, Report: v.scan(), Epochs: 2, MayOverlap: true})
	require.Len(t, judgement.Findings, 1)
	assert.Equal(t, Finding{Class: Corrupt, Epoch: 2, First: 3, Last: 3, Records: 1, Offset: 12 * size, End: 13 * size}, judgement.Findings[0])
}

// The first writer made the file: nothing of a later one can lie before its first record.
func TestAFirstRecordBehindALaterWritersIsAFinding(t *testing.T) {
	for _, later := range []int{0, 3} { // acknowledged of the second writer's
		for _, overlap := range []bool{false, true} {
			v := newVolume(t).writes(1, 0).writes(later, 3-later).becomes(swap(0, size, size))
			judgement := Judge(Input{Acks: v.acks, Report: v.scan(), Epochs: 2, MayOverlap: overlap})
			require.Len(t, judgement.Findings, 1, "%d acknowledged, overlap %v", later, overlap)
			assert.Equal(t, Reordered, judgement.Findings[0].Class)
		}
	}
}

func TestAnEpochThatWasNeverStartedIsForeign(t *testing.T) {
	v := newVolume(t).writes(10, 0).writes(5, 0)
	judgement := Judge(Input{Acks: v.acks[:1], Report: v.scan(), Epochs: 1})
	assert.Equal(t, []Finding{{Class: Foreign, Epoch: 2, First: 1, Last: 5, Offset: 10 * size, End: 15 * size, Detail: "only 1 epochs were ever started"}}, judgement.Findings)
}

func TestMoreDamageThanAReportListsIsNeverAPass(t *testing.T) {
	v := newVolume(t).writes(10, 0)
	report := v.scan()
	report.Unlisted = 3
	assert.NotEmpty(t, Judge(Input{Acks: v.acks, Report: report, Epochs: 1}).Findings)
}

func TestAFindingReadsAsASentence(t *testing.T) {
	assert.Equal(t, "lost-tail: 40 acknowledged records, epoch 1 sequence 61 to 100",
		Finding{Class: LostTail, Epoch: 1, First: 61, Last: 100, Records: 40}.String())
	assert.Equal(t, "missing: 150 acknowledged records, epoch 1 sequence 1 to epoch 2 sequence 50",
		Finding{Class: Missing, Epoch: 1, First: 1, LastEpoch: 2, Last: 50, Records: 150}.String())
	assert.Equal(t, "foreign (3 records of run fedcba9876543210)",
		Finding{Class: Foreign, Detail: "3 records of run fedcba9876543210"}.String())
}

func TestVerdicts(t *testing.T) {
	assert.Equal(t, Pass, newVolume(t).writes(10, 3).judged().Verdict())
	assert.Equal(t, Fail, newVolume(t).writes(10, 3).becomes(cut(0)).judged().Verdict())
	assert.Equal(t, Error, newVolume(t).writes(0, 3).judged().Verdict(), "nothing was at stake")
	assert.Equal(t, Error, Judge(Input{}).Verdict())
}
