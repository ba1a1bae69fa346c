//go:build linux || darwin

package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

func TestRead_DescribesAFileThatCannotBeReadInOneLine(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Create, 0))
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, model.ObjectName(journal.Object{Epoch: 1, Number: 1})), 0o700))
	scanner := pattern.NewScanner(format, model, nil)
	_, err = Read(folder, model, scanner)
	require.NoError(t, err)
	damage := scanner.Report().Objects.Damage
	require.Len(t, damage, 1)
	assert.Contains(t, damage[0].Unreadable, "is a directory")
	assert.NotContains(t, damage[0].Unreadable, "\n")
}

// After a rename that was done in part, both names lead to the same file. The next writer truncates it.
func TestRead_FindsARenameThatWasDoneInPart(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Replace, 16))
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "files")
	require.NoError(t, CreateFolder(folder))
	operations, err := pattern.NewEncoder(format, model, 1)
	require.NoError(t, err)
	w := NewWriter(folder, model)
	batch, _ := operations.Next(1, time.Now)
	first := batch[0].Object
	require.NoError(t, w.Do(batch))
	require.NoError(t, os.Link(w.path(first), filepath.Join(folder, temporary)))
	batch, _ = operations.Next(1, time.Now)
	require.NoError(t, w.Do(batch))

	scanner := pattern.NewScanner(format, model, nil)
	_, err = Read(folder, model, scanner)
	require.NoError(t, err)
	second := journal.Point{Epoch: 1, Seq: 2}
	assert.Equal(t, []journal.MisdirectedRecord{{Object: first, Record: second}}, scanner.Report().Objects.Misdirected)
}
