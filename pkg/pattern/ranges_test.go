package pattern

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

func TestSortPoints_SortsByEpochAndSequence(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const maxSeq = 999_999_999_999
	for _, c := range []struct {
		n, epochs int
		seqs      uint64
	}{
		{0, 1, 1}, {1, 1, 1}, {2, 1, 2}, {100, 1, 3}, {5000, 1, 5000}, {5000, 3, 1 << 20}, {5000, journal.MaxEpoch, maxSeq},
	} {
		points := []packedPoint{}
		for range c.n {
			p := journal.Point{Epoch: 1 + random.IntN(c.epochs), Seq: 1 + random.Uint64N(c.seqs)}
			require.Equal(t, p, pack(p).point())
			points = append(points, pack(p))
		}
		want := slices.Clone(points)
		slices.Sort(want)
		assert.Equal(t, want, sortPoints(points), c)
		slices.Sort(points)
		assert.Equal(t, want, points, "a second report has the same points")
	}
}

func TestRangesOf_JoinsConsecutiveRecordsOfAnEpoch(t *testing.T) {
	m, err := NewModel(format, NewLayout(Overwrite, 16))
	require.NoError(t, err)
	points := []packedPoint{
		pack(journal.Point{Epoch: 2, Seq: 1}), pack(journal.Point{Epoch: 1, Seq: 5}), pack(journal.Point{Epoch: 1, Seq: 3}),
		pack(journal.Point{Epoch: 1, Seq: 4}), pack(journal.Point{Epoch: 1, Seq: 9}), pack(journal.Point{Epoch: 2, Seq: 2}),
	}
	ranges, unlisted := m.rangesOf(points)
	assert.Equal(t, []journal.RecordRange{
		{Epoch: 1, First: 3, Last: 5}, {Epoch: 1, First: 9, Last: 9}, {Epoch: 2, First: 1, Last: 2},
	}, ranges)
	assert.Zero(t, unlisted)
}

func TestRangesOf_CountsTheRangesBeyondTheLimit(t *testing.T) {
	m, err := NewModel(format, NewLayout(Overwrite, 16))
	require.NoError(t, err)
	var points []packedPoint
	for i := range uint64(maxListed + 3) {
		points = append(points, pack(journal.Point{Epoch: 1, Seq: 1 + 3*i}), pack(journal.Point{Epoch: 1, Seq: 2 + 3*i}))
	}
	ranges, unlisted := m.rangesOf(points)
	assert.Len(t, ranges, maxListed)
	assert.Equal(t, 3, unlisted)
	assert.Equal(t, journal.RecordRange{Epoch: 1, First: 1, Last: 2}, ranges[0])
}
