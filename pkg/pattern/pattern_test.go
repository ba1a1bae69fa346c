package pattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/tests/generated"
)

var format = journal.Format{ID: "0123456789abcdef", RecordSize: 256}

func TestDescriptions_DocumentationListsThem(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| pattern | operation | after its acknowledgement | like |\n|---|---|---|---|\n")
	for _, d := range Descriptions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Operation, d.Guarantee, d.Applications)
	}
	b.WriteString("\n")
	generated.CheckSection(t, "../../docs/patterns.md", "patterns", b.String())
}

func TestModel_EveryRoundWritesEachObjectOnce(t *testing.T) {
	for _, objects := range []uint64{1, 2, 16, 17, 100, 1024, 99_991} {
		m, err := NewModel(format, Layout{Pattern: Overwrite, Objects: objects})
		require.NoError(t, err)
		seen := map[journal.Object]bool{}
		for seq := range objects {
			seen[m.Written(journal.Point{Epoch: 1, Seq: seq + 1})] = true
		}
		require.Len(t, seen, int(objects))
		assert.Equal(t, m.Written(journal.Point{Epoch: 1, Seq: 1}), m.Written(journal.Point{Epoch: 2, Seq: objects + 1}))
	}
}

func TestModObjects_IsTheRestOfTheDivision(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, objects := range []uint64{1, 2, 3, 16, 17, 1000, 99_991, 1<<16 - 1, 1 << 16, MaxObjects - 1, MaxObjects} {
		m, err := NewModel(format, Layout{Pattern: Overwrite, Objects: objects})
		require.NoError(t, err)
		for _, multiple := range []uint64{objects, objects * 12345, (1<<63 - 1) / objects * objects} {
			for _, x := range []uint64{multiple - 1, multiple, multiple + objects - 1} {
				require.Equal(t, x%objects, m.modObjects(x), "%d mod %d", x, objects)
			}
		}
		for range 10_000 {
			x := random.Uint64() >> (1 + random.UintN(63))
			require.Equal(t, x%objects, m.modObjects(x), "%d mod %d", x, objects)
		}
	}
}

func TestModel_RemoveKeepsTheNewestObjects(t *testing.T) {
	m, err := NewModel(format, Layout{Pattern: Remove, Objects: 10})
	require.NoError(t, err)
	_, removed := m.Removed(journal.Point{Epoch: 2, Seq: 10})
	assert.False(t, removed)
	object, removed := m.Removed(journal.Point{Epoch: 2, Seq: 11})
	assert.True(t, removed)
	assert.Equal(t, m.Written(journal.Point{Epoch: 2, Seq: 1}), object)
}

func TestParseObjectName_AcceptsOnlyNamesOfThePattern(t *testing.T) {
	shared, err := NewModel(format, Layout{Pattern: Replace, Objects: 10})
	require.NoError(t, err)
	own, err := NewModel(format, Layout{Pattern: Create})
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		model Model
		want  bool
	}{
		{"file-0000009", shared, true},
		{"file-0000010", shared, false},
		{"file-0000009", own, false},
		{"file-00001-000000000007", own, true},
		{"file-00001-000000000007", shared, false},
		{"file-9", shared, false},
		{"temporary", shared, false},
	} {
		object, ok := c.model.ParseObjectName(c.name)
		assert.Equal(t, c.want, ok, c)
		if ok {
			assert.Equal(t, c.name, c.model.ObjectName(object))
		}
	}
}

func TestLayout_ErrorNamesWhatIsValid(t *testing.T) {
	assert.ErrorContains(t, Layout{Pattern: "rewrite"}.Validate(), `write pattern "rewrite": want append, sync-write`)
	assert.ErrorContains(t, Layout{Pattern: Overwrite}.Validate(), "0 objects of write pattern overwrite: want 1 to")
	assert.ErrorContains(t, Layout{Pattern: Create, Objects: 3}.Validate(), "want none")
}
