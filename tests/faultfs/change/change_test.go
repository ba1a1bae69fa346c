package change

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// TestChange_ReportsWhatIsDifferent makes random changes, whose edits overlap and
// reach behind the end, and compares the file byte by byte.
func TestChange_ReportsWhatIsDifferent(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	// Few values, so that an edit often changes nothing.
	some := func(n int) []byte {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(random.IntN(3))
		}
		return data
	}
	path := filepath.Join(t.TempDir(), "file")
	for range 1000 {
		before := some(random.IntN(60))
		what := Change{Size: random.Int64N(80)}
		expected := make([]byte, max(what.Size, 100))
		copy(expected, before)
		for range random.IntN(5) {
			edit := Edit{Offset: random.Int64N(70), Data: some(random.IntN(30))}
			what.Edits = append(what.Edits, edit)
			copy(expected[edit.Offset:], edit.Data)
		}
		expected = expected[:what.Size]

		require.NoError(t, os.WriteFile(path, before, 0o600))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		ranges, err := what.Apply(f, int64(len(before)))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, expected, after)
		require.Equal(t, different(before, after), append([]extent.Range{}, ranges...))
	}
}

func different(before, after []byte) []extent.Range {
	var set extent.Set
	for i := range before {
		if i >= len(after) || before[i] != after[i] {
			set.Add(extent.Range{Offset: int64(i), Length: 1})
		}
	}
	return append([]extent.Range{}, set.Ranges()...)
}
