package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheFolderForTheEvidenceIsOnlyLookedAtBeforeTheRun(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	empty, file := filepath.Join(home, "empty"), filepath.Join(home, "file")
	require.NoError(t, os.Mkdir(empty, 0o700))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, wanted := range []string{"", empty, "deep/er", filepath.Join(home, "new")} {
		assert.NoError(t, (&runCommand{folder: wanted}).findFolder(task{id: "r"}), wanted)
	}
	entries, err := os.ReadDir(home)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing was made")
	assert.DirExists(t, empty, "nor removed")

	for _, wanted := range []string{home, file, filepath.Join(file, "under")} {
		assert.ErrorContains(t, (&runCommand{folder: wanted}).findFolder(task{id: "r"}), "want a folder", wanted)
	}
	t.Chdir(empty)
	assert.NoError(t, (&runCommand{folder: "."}).findFolder(task{id: "r"}))
}
