package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestAJournalInAFolderOfOurOwnComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "volume-durability-"+id, "logs.log")
	writeEpoch(t, path, 1, 10, "--own-folder")
	said := writeEpoch(t, path, 2, 10, "--own-folder")
	assert.True(t, said[0].ScanResult.Present)
	require.NoError(t, run(t.Context(), []string{"remove", "--file", path}, io.Discard, io.Discard))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.False(t, readBack(t, path, "").Present, "a folder that is gone is a journal that is gone")
	said = writeEpoch(t, path, 3, 10, "--own-folder")
	assert.False(t, said[0].ScanResult.Present)
	assert.NotEmpty(t, said[0].ScanResult.Mount.FSType)
}

func TestTheFirstWriterNeverUsesAFolderThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volume-durability-"+id, "logs.log")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	said, err := writeUntil(t, 1, writer(path, 1, "--own-folder"))
	require.ErrorIs(t, err, syscall.EEXIST)
	assert.Equal(t, "making the folder of "+path, said[0].Error.Op)
	assert.NoFileExists(t, path)
}

func TestWhatCannotBeRemovedIsSaid(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	err := run(t.Context(), []string{"remove", "--file", dir}, &out, io.Discard)
	require.ErrorIs(t, err, syscall.EINVAL)
	s, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	assert.Equal(t, "removing "+dir, s.Error.Op)
	assert.DirExists(t, dir)
}
