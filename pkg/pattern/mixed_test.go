package pattern

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

func newMixed(t *testing.T, objects uint64) Model {
	t.Helper()
	m, err := NewModel(format, Layout{Pattern: Mixed, Objects: objects})
	require.NoError(t, err)
	return m
}

func TestMixed_UsesEachPatternEquallyOften(t *testing.T) {
	for _, objects := range []uint64{16, 1024, 99_991} {
		m := newMixed(t, objects)
		counts := map[Name]uint64{}
		for seq := range objects {
			counts[m.patternAt(seq+1)]++
		}
		assert.Len(t, counts, len(mixed))
		for name, n := range counts {
			assert.InDelta(t, float64(objects)/6, float64(n), 1, name)
		}
	}
}

func TestMixed_OrderDiffersBetweenJournals(t *testing.T) {
	other, err := NewModel(journal.Format{ID: "0123456789abcdee", RecordSize: 256}, Layout{Pattern: Mixed, Objects: 60})
	require.NoError(t, err)
	m, same := newMixed(t, 60), 0
	for seq := range uint64(60) {
		if m.patternAt(seq+1) == other.patternAt(seq+1) {
			same++
		}
	}
	assert.Less(t, same, 40)
}

func TestMixed_OperationRemovesWhatTheSamePatternWrote(t *testing.T) {
	m := newMixed(t, 20)
	for seq := uint64(1); seq <= 100; seq++ {
		op := journal.Point{Epoch: 3, Seq: seq}
		removed, any := m.Removed(op)
		object := m.Written(op)
		assert.Equal(t, m.patternAt(seq), m.PatternOf(object))
		assert.Equal(t, m.patternAt(seq).EveryOperationRemoves() && seq > 20, any)
		if any {
			assert.Equal(t, m.PatternOf(object), m.PatternOf(removed))
			assert.Equal(t, m.Written(journal.Point{Epoch: 3, Seq: seq - 20}), removed)
		}
	}
}

func TestMixed_CountsOperationsOnSharedObjects(t *testing.T) {
	m, n := newMixed(t, 20), uint64(0)
	for seq := range uint64(100) {
		assert.Equal(t, n, m.CountShared(seq))
		if m.Written(journal.Point{Epoch: 1, Seq: seq + 1}).Epoch == 0 {
			n++
		}
	}
}

// After many rounds, most records of the other patterns between two created files are gone.
func TestMixed_ReportHasFewRanges(t *testing.T) {
	m := newMixed(t, 60)
	contents := map[journal.Object][]byte{}
	for epoch := 1; epoch <= 3; epoch++ {
		operations, err := NewEncoder(format, m, epoch)
		require.NoError(t, err)
		for range 1000 {
			batch, _ := operations.Next(1, func() time.Time { return time.Unix(1, 0) })
			contents[batch[0].Object] = append([]byte(nil), batch[0].Content...)
			if batch[0].Removed != nil {
				delete(contents, *batch[0].Removed)
			}
		}
	}
	s := NewScanner(format, m, nil)
	for object, content := range contents {
		s.Add(object, content)
	}
	ranges := s.Report().Objects.Current
	assert.LessOrEqual(t, len(ranges), 3*3+3)
	found := map[journal.Object]bool{}
	for _, r := range ranges {
		for op := range m.Operations(r) {
			assert.False(t, found[m.Written(op)], op)
			found[m.Written(op)] = true
		}
	}
	assert.Len(t, found, len(contents))
}

// The volumes of earlier versions have objects in this order.
func TestMixed_OrderOfThePatternsIsFixed(t *testing.T) {
	m := newMixed(t, 24)
	var order []Name
	for number := range uint64(24) {
		order = append(order, m.mix(number))
	}
	assert.Equal(t, []Name{
		Replace, Map, Overwrite, Remove, Recycle, Create,
		Remove, Overwrite, Create, Map, Replace, Recycle,
		Map, Overwrite, Create, Remove, Recycle, Replace,
		Overwrite, Remove, Replace, Create, Recycle, Map,
	}, order)
}

func TestMixed_NamesOfObjects(t *testing.T) {
	m := newMixed(t, 60)
	for seq := uint64(1); seq <= 60; seq++ {
		object := m.Written(journal.Point{Epoch: 1, Seq: seq})
		parsed, ok := m.ParseObjectName(m.ObjectName(object))
		assert.Equal(t, !m.IsSlot(object), ok)
		if ok {
			assert.Equal(t, object, parsed)
		}
	}
}
