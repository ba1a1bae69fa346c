//go:build linux || darwin

package volume

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRemove_RemovesAFileAndItsOwnFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "volume-durability-1", "logs.log")
	require.NoError(t, CreateFolder(path))
	require.ErrorIs(t, CreateFolder(path), fs.ErrExist)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, Remove(path))
	assert.NoDirExists(t, filepath.Dir(path))
	require.NoError(t, Remove(path), "it was removed before")
	assert.DirExists(t, dir)
}

func TestCreateFolder_NeedsAParent(t *testing.T) {
	assert.ErrorIs(t, CreateFolder(filepath.Join(t.TempDir(), "a", "volume-durability-1", "logs.log")), fs.ErrNotExist)
}

func TestRemove_KeepsOtherFoldersAndFiles(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs", "logs.log")
	require.NoError(t, CreateFolder(theirs))
	require.NoError(t, os.WriteFile(theirs, nil, 0o600))
	require.NoError(t, Remove(theirs))
	assert.NoFileExists(t, theirs)
	assert.DirExists(t, filepath.Dir(theirs), "it is empty but not our own")

	ours := filepath.Join(dir, "volume-durability-2", "logs.log")
	require.NoError(t, CreateFolder(ours))
	other := filepath.Join(filepath.Dir(ours), "other")
	for _, path := range []string{ours, other} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.NoError(t, Remove(ours))
	assert.NoFileExists(t, ours)
	assert.FileExists(t, other)
}

func TestRemove_RefusesEverythingButFiles(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("/dev/full", link))
	folder := filepath.Join(dir, "volume-durability-3")
	require.NoError(t, os.Mkdir(folder, 0o700))
	for _, path := range []string{link, folder} {
		require.ErrorIs(t, Remove(path), unix.EINVAL)
		_, err := os.Lstat(path)
		require.NoError(t, err)
	}
}
