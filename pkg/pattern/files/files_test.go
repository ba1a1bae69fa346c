//go:build linux || darwin

package files

import (
	"os"
	"path/filepath"
	"testing"

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
