package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChooseFolder_ChangesNothing(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	empty, file := filepath.Join(home, "empty"), filepath.Join(home, "file")
	require.NoError(t, os.Mkdir(empty, 0o700))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, folder := range []string{"", empty, "deep/er", filepath.Join(home, "new")} {
		assert.NoError(t, (&runCommand{folder: folder}).chooseFolder(runSpec{id: "r"}), folder)
	}
	entries, err := os.ReadDir(home)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing was created")
	assert.DirExists(t, empty)

	for _, folder := range []string{home, file, filepath.Join(file, "under")} {
		err := (&runCommand{folder: folder}).chooseFolder(runSpec{id: "r"})
		assert.ErrorContains(t, err, "--bundle "+folder+": want a ", folder)
	}
	t.Chdir(empty)
	assert.NoError(t, (&runCommand{folder: "."}).chooseFolder(runSpec{id: "r"}))
}
