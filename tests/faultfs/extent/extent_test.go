package extent

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSet_ContainsTheBytesOfItsRanges compares sets with a simple model: one
// boolean for every byte.
func TestSet_ContainsTheBytesOfItsRanges(t *testing.T) {
	const size = 40
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var set Set
		var bytes [size]bool
		for range 8 {
			offset := random.Int64N(size)
			r := Range{Offset: offset, Length: random.Int64N(size - offset + 1)}
			add := random.IntN(2) == 0
			if add {
				set.Add(r)
			} else {
				set.Remove(r)
			}
			for i := r.Offset; i < r.End(); i++ {
				bytes[i] = add
			}
			require.Equal(t, ranges(bytes[:], true), append([]Range{}, set.Ranges()...))
			require.Equal(t, ranges(bytes[:], false), append([]Range{}, set.Missing(Range{Length: size})...))
		}
	}
}

func ranges(bytes []bool, wanted bool) []Range {
	found := []Range{}
	for i, b := range bytes {
		at := int64(i)
		switch {
		case b != wanted:
		case len(found) > 0 && found[len(found)-1].End() == at:
			found[len(found)-1].Length++
		default:
			found = append(found, Range{Offset: at, Length: 1})
		}
	}
	return found
}

func TestClip_CutsRanges(t *testing.T) {
	assert.Equal(t, Range{Offset: 5, Length: 5}, Between(0, 10).Clip(Between(5, 20)))
	assert.Zero(t, Between(0, 5).Clip(Between(5, 20)).Length)
	assert.False(t, Between(0, 5).Overlaps(Between(5, 6)))
	assert.True(t, Between(0, 5).Overlaps(Between(4, 6)))
}
