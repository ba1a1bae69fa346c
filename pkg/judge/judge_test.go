package judge

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

const size = 256

var format = journal.Format{ID: "0123456789abcdef", RecordSize: size}

// volume is a journal in memory, with the acknowledgements of its writers.
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

// write starts an epoch. It commits acknowledged records, then unacknowledged ones.
func (v *volume) write(acknowledged, unacknowledged int) *volume {
	v.t.Helper()
	v.epoch++
	unterminated := len(v.bytes) > 0 && v.bytes[len(v.bytes)-1] != '\n'
	w, err := journal.NewWriter(v, format, v.epoch, int64(len(v.bytes)), unterminated)
	require.NoError(v.t, err)
	now := func() time.Time { return time.Date(2026, 11, 24, 12, v.epoch, 0, len(v.bytes), time.UTC) }
	if acknowledged > 0 {
		last, err := w.Commit(acknowledged, now)
		require.NoError(v.t, err)
		v.acks = append(v.acks, ledger.Ack{Point: journal.Point{Epoch: v.epoch, Seq: last.Seq}, Digest: last.Checksum})
	}
	if unacknowledged > 0 {
		_, err = w.Commit(unacknowledged, now)
		require.NoError(v.t, err)
	}
	return v
}

// damage changes the bytes of the volume.
func (v *volume) damage(change func(b []byte) []byte) *volume {
	v.bytes = change(v.bytes)
	return v
}

func (v *volume) scan() journal.ScanReport {
	v.t.Helper()
	points := make([]journal.Point, len(v.acks))
	for i, a := range v.acks {
		points[i] = a.Point
	}
	report, err := journal.Scan(bytes.NewReader(v.bytes), format, points)
	require.NoError(v.t, err)
	return report
}

func (v *volume) judge() Judgement {
	v.t.Helper()
	return Judge(Input{Acks: v.acks, Scan: v.scan(), Epochs: v.epoch})
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

func TestJudge_IntactAcknowledgedRecordsGiveNoFinding(t *testing.T) {
	for _, c := range []struct {
		name   string
		volume *volume
	}{
		{"all records are present", newVolume(t).write(100, 0).write(50, 0)},
		{"unacknowledged records are present", newVolume(t).write(100, 7).write(50, 3)},
		{"unacknowledged records are lost", newVolume(t).write(100, 7).damage(cut(100 * size))},
		{"an unacknowledged record is torn", newVolume(t).write(100, 7).damage(cut(103*size + 100))},
		{"an epoch starts after a torn record",
			newVolume(t).write(100, 7).damage(cut(103*size+100)).write(50, 0)},
		{"two epochs start after torn records",
			newVolume(t).write(100, 7).damage(cut(103*size+100)).write(50, 2).damage(cut(153*size+130)).write(5, 0)},
		{"an unacknowledged record is zeroed",
			newVolume(t).write(100, 7).damage(zero(102*size, 103*size))},
		{"zeros follow the acknowledged records",
			newVolume(t).write(100, 7).damage(zero(100*size, 107*size)).write(50, 0)},
		{"an unacknowledged record is lost, a later one is present",
			newVolume(t).write(100, 7).damage(cutOut(101*size, 103*size))},
		{"an epoch has no acknowledgement", newVolume(t).write(100, 0).write(0, 7).write(50, 0)},
		{"an epoch without acknowledgement is lost",
			newVolume(t).write(100, 0).write(0, 7).damage(cut(100*size)).write(50, 0)},
		{"an epoch without acknowledgement lost its first records",
			newVolume(t).write(100, 0).write(0, 7).damage(cutOut(100*size, 102*size)).write(50, 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			judgement := c.volume.judge()
			assert.Empty(t, judgement.Findings)
			assert.Equal(t, judgement.Acknowledged, judgement.Intact)
			assert.NotZero(t, judgement.Acknowledged)
		})
	}
}

func TestJudge_NamesEveryDamageToAcknowledgedRecords(t *testing.T) {
	other := otherJournal(t)
	for _, c := range []struct {
		name   string
		volume *volume
		want   []Finding
		intact uint64
	}{
		{
			"the last acknowledged records are cut off",
			newVolume(t).write(100, 0).damage(cut(60 * size)),
			[]Finding{{
				Class: LostTail, Epoch: 1, First: 61, Last: 100,
				Records: 40, Offset: 60 * size, End: 60 * size,
			}}, 60,
		},
		{
			"only the very last acknowledged record is cut off",
			newVolume(t).write(100, 0).damage(cut(99 * size)),
			[]Finding{{
				Class: LostTail, Epoch: 1, First: 100, Last: 100,
				Records: 1, Offset: 99 * size, End: 99 * size,
			}}, 99,
		},
		{
			"the last acknowledged record lacks its last byte",
			newVolume(t).write(100, 0).damage(cut(100*size - 1)),
			[]Finding{{
				Class: Torn, Epoch: 1, First: 100, Last: 100,
				Records: 1, Offset: 99 * size, End: 100*size - 1,
			}}, 99,
		},
		{
			"the journal is cut within a record",
			newVolume(t).write(100, 0).damage(cut(60*size + 33)),
			[]Finding{
				{Class: Torn, Epoch: 1, First: 61, Last: 61, Records: 1, Offset: 60 * size, End: 60*size + 33},
				{Class: LostTail, Epoch: 1, First: 62, Last: 100, Records: 39, Offset: 60*size + 33, End: 60*size + 33},
			}, 60,
		},
		{
			"the end of an epoch is lost before the next epoch starts",
			newVolume(t).write(100, 5).damage(cut(60*size)).write(80, 0),
			[]Finding{{
				Class: LostTail, Epoch: 1, First: 61, Last: 100,
				Records: 40, Offset: 60 * size, End: 60 * size,
			}}, 140,
		},
		{
			"the last epoch is cut off",
			newVolume(t).write(100, 0).write(50, 0).damage(cut(100 * size)),
			[]Finding{{
				Class: LostTail, Epoch: 2, First: 1, Last: 50,
				Records: 50, Offset: 100 * size, End: 100 * size,
			}}, 100,
		},
		{
			"an epoch is cut out between two others",
			newVolume(t).write(100, 0).write(50, 0).write(20, 0).damage(cutOut(100*size, 150*size)),
			[]Finding{{
				Class: LostTail, Epoch: 2, First: 1, Last: 50,
				Records: 50, Offset: 100 * size, End: 100 * size,
			}}, 120,
		},
		{
			"the first records are cut out",
			newVolume(t).write(100, 0).damage(cutOut(0, 10*size)),
			[]Finding{{Class: LostGap, Epoch: 1, First: 1, Last: 10, Records: 10}}, 90,
		},
		{
			"records are cut out",
			newVolume(t).write(100, 0).damage(cutOut(10*size, 15*size)),
			[]Finding{{
				Class: LostGap, Epoch: 1, First: 11, Last: 15,
				Records: 5, Offset: 10 * size, End: 10 * size,
			}}, 95,
		},
		{
			"a flipped bit",
			newVolume(t).write(100, 0).damage(flip(42*size + 7)),
			[]Finding{{
				Class: Corrupt, Epoch: 1, First: 43, Last: 43,
				Records: 1, Offset: 42 * size, End: 43 * size,
			}}, 99,
		},
		{
			"a flipped bit in the last acknowledged record",
			newVolume(t).write(100, 0).damage(flip(99*size + 200)),
			[]Finding{{
				Class: Corrupt, Epoch: 1, First: 100, Last: 100,
				Records: 1, Offset: 99 * size, End: 100 * size,
			}}, 99,
		},
		{
			"a flipped bit in the first record of the second epoch",
			newVolume(t).write(100, 0).write(50, 0).damage(flip(100*size + 200)),
			[]Finding{{
				Class: Corrupt, Epoch: 2, First: 1, Last: 1,
				Records: 1, Offset: 100 * size, End: 101 * size,
			}}, 149,
		},
		{
			"a zeroed page",
			newVolume(t).write(100, 0).damage(zero(4096, 8192)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192}}, 84,
		},
		{
			"a zeroed tail",
			newVolume(t).write(100, 0).damage(zero(90*size, 100*size)),
			[]Finding{{
				Class: Corrupt, Epoch: 1, First: 91, Last: 100,
				Records: 10, Offset: 90 * size, End: 100 * size,
			}}, 90,
		},
		{
			"all bytes are zero",
			newVolume(t).write(10, 0).damage(zero(0, 10*size)),
			[]Finding{{Class: Corrupt, Epoch: 1, First: 1, Last: 10, Records: 10, End: 10 * size}}, 0,
		},
		{
			"two pages swapped",
			newVolume(t).write(100, 0).damage(swap(4096, 8192, 4096)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 8192, End: 12288},
				{Class: Reordered, Epoch: 1, First: 33, Last: 48, Records: 16, Offset: 4096, End: 8192},
			}, 100,
		},
		{
			"two pages swapped that are far apart",
			newVolume(t).write(100, 0).damage(swap(4096, 5*4096, 4096)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 5 * 4096, End: 6 * 4096},
				{Class: Reordered, Epoch: 1, First: 81, Last: 96, Records: 16, Offset: 4096, End: 8192},
			}, 100,
		},
		{
			"a page was written to the place of a later one instead of its own",
			newVolume(t).write(100, 0).damage(move(4096, 12288, 4096)).damage(zero(4096, 8192)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 12288, End: 16384},
				{Class: Corrupt, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 12288, End: 16384},
			}, 84,
		},
		{
			"a page was written to the place of an earlier one instead of its own",
			newVolume(t).write(100, 0).damage(move(12288, 4096, 4096)).damage(zero(12288, 16384)),
			[]Finding{
				{Class: Reordered, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 4096, End: 8192},
				{Class: Corrupt, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192},
			}, 84,
		},
		{
			"a page was also written over a later one",
			newVolume(t).write(100, 0).damage(move(4096, 12288, 4096)),
			[]Finding{
				{Class: Duplicated, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 12288, End: 16384},
				{Class: Corrupt, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 12288, End: 16384},
			}, 84,
		},
		{
			"a page was also written over an earlier one",
			newVolume(t).write(100, 0).damage(move(12288, 4096, 4096)),
			[]Finding{
				{Class: Duplicated, Epoch: 1, First: 49, Last: 64, Records: 16, Offset: 4096, End: 8192},
				{Class: Corrupt, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 4096, End: 8192},
			}, 84,
		},
		{
			"a page was also written over the last one",
			newVolume(t).write(96, 0).damage(move(4096, 5*4096, 4096)),
			[]Finding{
				{Class: Duplicated, Epoch: 1, First: 17, Last: 32, Records: 16, Offset: 5 * 4096, End: 6 * 4096},
				{Class: Corrupt, Epoch: 1, First: 81, Last: 96, Records: 16, Offset: 5 * 4096, End: 6 * 4096},
			}, 80,
		},
		{
			"a page was inserted a second time",
			newVolume(t).write(100, 0).damage(func(b []byte) []byte { return insert(4096, b[:4096])(b) }),
			[]Finding{{Class: Duplicated, Epoch: 1, First: 1, Last: 16, Records: 16, Offset: 4096, End: 8192}}, 100,
		},
		{
			"unexpected bytes between intact records",
			newVolume(t).write(100, 0).damage(insert(10*size, []byte("surprise\n"))),
			[]Finding{{
				Class: Corrupt, Epoch: 1, First: 10, Last: 11,
				Offset: 10 * size, End: 10*size + 9, Detail: "9 unexpected bytes between intact records",
			}}, 100,
		},
		{
			"unexpected bytes before the first record",
			newVolume(t).write(100, 0).damage(insert(0, []byte("surprise\n"))),
			[]Finding{{
				Class: Corrupt, Epoch: 1, First: 1, Last: 1,
				Offset: 0, End: 9, Detail: "9 unexpected bytes before the first record",
			}}, 100,
		},
		{
			"an empty line between intact records",
			newVolume(t).write(100, 0).damage(insert(10*size, []byte("\n"))),
			[]Finding{{
				Class: Corrupt, Epoch: 1, First: 10, Last: 11,
				Offset: 10 * size, End: 10*size + 1, Detail: "1 unexpected byte between intact records",
			}}, 100,
		},
		{
			"an empty journal",
			newVolume(t).write(100, 0).write(50, 0).damage(cut(0)),
			[]Finding{{
				Class: Missing, Epoch: 1, First: 1, LastEpoch: 2, Last: 50,
				Records: 150, Detail: "the journal is empty",
			}}, 0,
		},
		{
			"only the journal of another run is present",
			newVolume(t).write(100, 0).damage(func([]byte) []byte { return other }),
			[]Finding{{
				Class: Foreign, Epoch: 1, First: 1, Last: 100,
				Records: 100, End: int64(len(other)),
				Detail: "only journal fedcba9876543210 was found, which this run did not write",
			}}, 0,
		},
		{
			"records of another run follow",
			newVolume(t).write(100, 0).damage(func(b []byte) []byte { return append(b, other...) }),
			[]Finding{{
				Class:  Foreign,
				Offset: 100 * size, End: int64(100*size + len(other)), Detail: "3 records of journal fedcba9876543210",
			}}, 100,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			judgement := c.volume.judge()
			assert.Equal(t, c.want, judgement.Findings)
			assert.Equal(t, c.intact, judgement.Intact)
		})
	}
}

func otherJournal(t *testing.T) []byte {
	t.Helper()
	v := newVolume(t)
	w, err := journal.NewWriter(v, journal.Format{ID: "fedcba9876543210", RecordSize: 300}, 1, 0, false)
	require.NoError(t, err)
	_, err = w.Commit(3, time.Now)
	require.NoError(t, err)
	return v.bytes
}

func TestJudge_MissingJournal(t *testing.T) {
	v := newVolume(t).write(100, 0)
	judgement := Judge(Input{Acks: v.acks, Scan: journal.ScanReport{Format: format}, Epochs: 1})
	assert.Equal(t, []Finding{{
		Class: Missing, Epoch: 1, First: 1, Last: 100,
		Records: 100, Detail: "there is no journal",
	}}, judgement.Findings)
}

func TestJudge_RolledBackIfAnEarlierPodReadMore(t *testing.T) {
	v := newVolume(t).write(100, 0)
	earlier := v.scan()
	v.write(50, 0).damage(cut(60 * size))
	judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Earlier: []journal.ScanReport{earlier}, Epochs: 2})
	assert.Equal(t, []Finding{
		{
			Class: RolledBack, Epoch: 1, First: 61, Last: 100,
			Records: 40, Offset: 60 * size, End: 60 * size, Detail: "an earlier writer read these records",
		},
		{Class: LostTail, Epoch: 2, First: 1, Last: 50, Records: 50, Offset: 60 * size, End: 60 * size},
	}, judgement.Findings)
}

func TestJudge_RecordsThatNoEarlierPodReadAreNotRolledBack(t *testing.T) {
	v := newVolume(t).write(100, 0)
	v.damage(cut(90 * size))
	earlier := v.scan()
	v.damage(cut(60 * size))
	judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Earlier: []journal.ScanReport{earlier}, Epochs: 1})
	assert.Equal(t, []Finding{
		{
			Class: RolledBack, Epoch: 1, First: 61, Last: 90,
			Records: 30, Offset: 60 * size, End: 60 * size, Detail: "an earlier writer read these records",
		},
		{Class: LostTail, Epoch: 1, First: 91, Last: 100, Records: 10, Offset: 60 * size, End: 60 * size},
	}, judgement.Findings)
}

func TestJudge_LostTailIfNoEarlierPodReadIt(t *testing.T) {
	v := newVolume(t).write(100, 0)
	earlier := v.scan()
	v.write(50, 0).damage(cut(110 * size))
	judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Earlier: []journal.ScanReport{earlier}, Epochs: 2})
	assert.Equal(t, []Finding{{
		Class: LostTail, Epoch: 2, First: 11, Last: 50,
		Records: 40, Offset: 110 * size, End: 110 * size,
	}}, judgement.Findings)
}

func TestJudge_RollbackIsFoundAfterTheNextEpoch(t *testing.T) {
	v := newVolume(t).write(100, 0)
	earlier := v.scan()
	v.write(50, 0).damage(cut(60*size)).write(200, 0)
	judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Earlier: []journal.ScanReport{earlier}, Epochs: 3})
	assert.Equal(t, []Finding{
		{
			Class: RolledBack, Epoch: 1, First: 61, Last: 100,
			Records: 40, Offset: 60 * size, End: 60 * size, Detail: "an earlier writer read these records",
		},
		{Class: LostTail, Epoch: 2, First: 1, Last: 50, Records: 50, Offset: 60 * size, End: 60 * size},
	}, judgement.Findings)
}

// scanUnreadable returns the report of a scan that could not read a range of the file.
func (v *volume) scanUnreadable(from, to int) journal.ScanReport {
	v.t.Helper()
	report := v.damage(zero(from, to)).scan()
	report.Unreadable = []journal.Range{{Offset: int64(from), Length: int64(to - from)}}
	return report
}

func TestJudge_UnreadableAcknowledgedRecordsAreUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		volume   *volume
		from, to int
		want     []Finding
	}{
		"in the middle": {newVolume(t).write(100, 0), 4096, 8192,
			[]Finding{{
				Class: Unavailable, Epoch: 1, First: 17, Last: 32,
				Records: 16, Offset: 4096, End: 8192, Detail: "4 096 bytes could not be read"},
			}},
		"at the end": {newVolume(t).write(90, 0), 5 * 4096, 90 * size,
			[]Finding{{
				Class: Unavailable, Epoch: 1, First: 81, Last: 90,
				Records: 10, Offset: 5 * 4096, End: 90 * size, Detail: "2 560 bytes could not be read"},
			}},
		"the whole journal": {newVolume(t).write(16, 0), 0, 4096,
			[]Finding{{
				Class: Unavailable, Epoch: 1, First: 1, Last: 16,
				Records: 16, Offset: 0, End: 4096, Detail: "4 096 bytes could not be read"},
			}},
		"only unacknowledged records": {newVolume(t).write(80, 16), 5 * 4096, 6 * 4096, nil},
	} {
		t.Run(name, func(t *testing.T) {
			report := c.volume.scanUnreadable(c.from, c.to)
			assert.Equal(t, c.want, Judge(Input{Acks: c.volume.acks, Scan: report, Epochs: 1}).Findings)
		})
	}
}

func TestJudge_OlderVersionOfAPageIsCorrupt(t *testing.T) {
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
			v := newVolume(t).write(100, 0)
			copy(v.bytes[c.from*size:c.to*size], older.bytes[c.from*size:])
			judgement := v.judge()
			require.Len(t, judgement.Findings, 1)
			f := judgement.Findings[0]
			assert.Equal(t, Corrupt, f.Class)
			assert.Equal(t, []uint64{c.first, c.last}, []uint64{f.First, f.Last})
		})
	}
}

// interleaved returns a journal in which a second writer started while the first one was still running.
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
	v.acks = append(v.acks, ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Checksum})
	last, err = second.Commit(5, time.Now)
	require.NoError(t, err)
	v.acks = append(v.acks, ledger.Ack{Point: journal.Point{Epoch: 2, Seq: last.Seq}, Digest: last.Checksum})
	v.epoch = 2
	return v
}

func TestJudge_OverlapAfterAForcedDeletionIsNoted(t *testing.T) {
	v := interleaved(t)
	judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Epochs: 2, MayOverlap: true})
	assert.Empty(t, judgement.Findings)
	assert.Equal(t, []string{"two writers ran at the same time: epoch 1 wrote after epoch 2 had started"},
		judgement.Notes)
}

func TestJudge_OverlapAfterAGracefulDeletionIsReordered(t *testing.T) {
	judgement := interleaved(t).judge()
	require.Len(t, judgement.Findings, 1)
	assert.Equal(t, Reordered, judgement.Findings[0].Class)
	assert.Empty(t, judgement.Notes)
}

func TestJudge_DamageBetweenOverlappingWritersIsFound(t *testing.T) {
	v := interleaved(t).damage(flip(12*size + 50))
	judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Epochs: 2, MayOverlap: true})
	assert.Equal(t, []Finding{
		{Class: Corrupt, Epoch: 2, First: 3, Last: 3, Records: 1, Offset: 12 * size, End: 13 * size},
	}, judgement.Findings)
}

// The first writer creates the file, so no record of a later writer can come before its first one.
func TestJudge_LaterEpochBeforeTheFirstRecordIsReordered(t *testing.T) {
	for _, later := range []int{0, 3} { // acknowledged records of the second writer
		for _, overlap := range []bool{false, true} {
			v := newVolume(t).write(1, 0).write(later, 3-later).damage(swap(0, size, size))
			judgement := Judge(Input{Acks: v.acks, Scan: v.scan(), Epochs: 2, MayOverlap: overlap})
			require.Len(t, judgement.Findings, 1, "%d acknowledged, overlap %v", later, overlap)
			assert.Equal(t, Reordered, judgement.Findings[0].Class)
		}
	}
}

func TestJudge_EpochThatWasNotStartedIsForeign(t *testing.T) {
	v := newVolume(t).write(10, 0).write(5, 0)
	judgement := Judge(Input{Acks: v.acks[:1], Scan: v.scan(), Epochs: 1})
	assert.Equal(t, []Finding{{
		Class: Foreign, Epoch: 2, First: 1, Last: 5,
		Offset: 10 * size, End: 15 * size, Detail: "only 1 epoch had been started",
	}}, judgement.Findings)
}

func TestJudge_UnlistedDamageIsAFinding(t *testing.T) {
	v := newVolume(t).write(10, 0)
	report := v.scan()
	report.Unlisted = 3
	assert.NotEmpty(t, Judge(Input{Acks: v.acks, Scan: report, Epochs: 1}).Findings)
}

func TestJudgement_Verdict(t *testing.T) {
	assert.Equal(t, Pass, newVolume(t).write(10, 3).judge().Verdict())
	assert.Equal(t, Fail, newVolume(t).write(10, 3).damage(cut(0)).judge().Verdict())
	assert.Equal(t, Error, newVolume(t).write(0, 3).judge().Verdict(), "nothing was acknowledged")
	assert.Equal(t, Error, Judge(Input{}).Verdict())
}

// The end of epoch 1 and all of epoch 2 should be at the same offset. The bytes there belong to one of them.
func TestJudge_RemainsOfOneEpochAreNotThoseOfTheNext(t *testing.T) {
	v := newVolume(t).write(10, 0).write(10, 0).damage(cut(5*size + 100))
	findings := v.judge().Findings
	require.Len(t, findings, 3)
	for i, want := range []Finding{
		{Class: Torn, Epoch: 1, First: 6, Last: 6, Records: 1, Offset: 5 * size, End: 5*size + 100},
		{Class: LostTail, Epoch: 1, First: 7, Last: 10, Records: 4, Offset: 5*size + 100, End: 5*size + 100},
		{Class: LostTail, Epoch: 2, First: 1, Last: 10, Records: 10, Offset: 5*size + 100, End: 5*size + 100},
	} {
		assert.Equal(t, want, findings[i])
	}
}

func TestJudge_DamageAcrossTwoEpochsIsDividedBetweenThem(t *testing.T) {
	v := newVolume(t).write(10, 0).write(10, 0).damage(zero(8*size, 13*size))
	findings := v.judge().Findings
	require.Len(t, findings, 2)
	assert.Equal(t, Finding{
		Class: Corrupt, Epoch: 1, First: 9, Last: 10, Records: 2, Offset: 8 * size, End: 10 * size,
	}, findings[0])
	assert.Equal(t, Finding{
		Class: Corrupt, Epoch: 2, First: 1, Last: 3, Records: 3, Offset: 10 * size, End: 13 * size,
	}, findings[1])
}

func TestTrailingBytes_CountsOnlyBytesThatNoInterruptedWriteLeaves(t *testing.T) {
	surprise := []byte("surprise")
	for name, c := range map[string]struct {
		damage func([]byte) []byte
		want   int64
	}{
		"intact":                      {cut(12 * size), 0},
		"foreign bytes after the end": {insert(12*size, surprise), 8},
		"an interrupted write":        {cut(11*size + 20), 0},
		"newlines":                    {insert(12*size, []byte("\n\n")), 0},
		"damage before the end":       {insert(2*size, surprise), 0},
		"damage of acknowledged ones": {func(b []byte) []byte { return append(b[:9*size:9*size], surprise...) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t).write(10, 2).damage(c.damage)
			in := Input{Acks: v.acks, Scan: v.scan(), Epochs: v.epoch}
			assert.Equal(t, c.want, TrailingBytes(in.Scan, Judge(in).Findings))
		})
	}
}

// The records of each epoch are adjacent and complete, but two epochs have changed places.
func TestJudge_ReportsEpochsInTheWrongOrder(t *testing.T) {
	in := Input{
		Epochs: 3,
		Scan: journal.ScanReport{Format: format, Present: true, Bytes: 30 * 256, Records: 30, Segments: []journal.Segment{
			{Epoch: 1, First: 1, Last: 10, Offset: 0, End: 10 * 256},
			{Epoch: 3, First: 1, Last: 10, Offset: 10 * 256, End: 20 * 256},
			{Epoch: 2, First: 1, Last: 10, Offset: 20 * 256, End: 30 * 256},
		}},
	}
	for epoch := 1; epoch <= 3; epoch++ {
		in.Acks = append(in.Acks, ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: 10}})
	}
	inOrder := Judge(in).Findings
	in.Acks[1], in.Acks[2] = in.Acks[2], in.Acks[1] // the order of the records in the file
	for _, findings := range [][]Finding{inOrder, Judge(in).Findings} {
		require.Len(t, findings, 1)
		assert.Equal(t, Reordered, findings[0].Class)
		assert.Equal(t, "records of epoch 2 come after records of epoch 3", findings[0].Detail)
	}
}

func TestWithKey_FindsTheLargestKey(t *testing.T) {
	of := func(epochs ...int) (all []journal.Segment) {
		for _, n := range epochs {
			all = append(all, journal.Segment{Epoch: n})
		}
		return all
	}
	all := of(1, 2, 2, math.MaxInt)
	assert.Equal(t, of(2, 2), withKey(all, epochOfSegment, 2))
	assert.Equal(t, of(math.MaxInt), withKey(all, epochOfSegment, math.MaxInt))
	assert.Empty(t, withKey(of(1), epochOfSegment, math.MaxInt))
	assert.Empty(t, withKey(all, epochOfSegment, 3))
}
