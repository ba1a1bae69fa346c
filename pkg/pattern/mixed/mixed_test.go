//go:build linux || darwin

package mixed

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
)

const objects = 60

var format = journal.Format{ID: "0123456789abcdef", RecordSize: 256}

// write does 200 operations of a new epoch in a folder.
func write(t *testing.T, folder string, model pattern.Model, epoch int) {
	t.Helper()
	w, err := NewWriter(folder, model, model.Size(format.RecordSize))
	require.NoError(t, err)
	operations, err := pattern.NewEncoder(format, model, epoch)
	require.NoError(t, err)
	batch, _ := operations.Next(200, time.Now)
	require.NoError(t, w.Do(batch))
	require.NoError(t, w.Close())
}

// read returns the number of intact records in a folder.
func read(t *testing.T, folder string, model pattern.Model) int {
	t.Helper()
	scanner := pattern.NewScanner(format, model, nil)
	_, err := Read(folder, model, format.RecordSize, scanner)
	require.NoError(t, err)
	report := scanner.Report()
	assert.Empty(t, report.Objects.Damage)
	return int(report.Records)
}

func TestMixed_ReadsWhatItWroteAndRemovesIt(t *testing.T) {
	model, err := pattern.NewModel(format, pattern.NewLayout(pattern.Mixed, objects))
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "objects")
	require.NoError(t, files.CreateFolder(folder))
	write(t, folder, model, 1)
	created := 0 // by the operations of the rounds before the last one
	for seq := range uint64(200 - objects) {
		object := model.Written(journal.Point{Epoch: 1, Seq: seq + 1})
		if model.PatternOf(object) == pattern.Create {
			created++
		}
	}
	assert.Equal(t, objects+created, read(t, folder, model))

	require.NoError(t, os.Remove(filepath.Join(folder, writtenSlots)))
	assert.Equal(t, objects+created-objects/6, read(t, folder, model))
	write(t, folder, model, 2) // creates the lost file again
	assert.Equal(t, 2*(objects+created)-objects/2, read(t, folder, model))

	require.NoError(t, Remove(folder))
	assert.NoDirExists(t, folder)
}
