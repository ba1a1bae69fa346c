package helper

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

func TestRemove_RemovesTheJournalAndItsOwnFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "volume-durability-"+id, "logs.log")
	writeEpoch(t, path, 1, 10, "--own-folder")
	messages := writeEpoch(t, path, 2, 10, "--own-folder")
	assert.True(t, messages[0].ScanResult.Present)
	require.NoError(t, run(t.Context(), []string{"remove", "--file", path}, io.Discard, io.Discard))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
	assert.False(t, readBack(t, path, "").Present, "without the folder there is no journal")
	messages = writeEpoch(t, path, 3, 10, "--own-folder")
	assert.False(t, messages[0].ScanResult.Present)
	assert.NotEmpty(t, messages[0].ScanResult.Mount.FSType)
}

func TestWrite_RefusesAnExistingFolderInTheFirstEpoch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volume-durability-"+id, "logs.log")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	messages, err := writeUntil(t, 1, writeArgs(path, 1, "--own-folder"))
	require.ErrorIs(t, err, syscall.EEXIST)
	assert.Equal(t, "creating the folder of "+path, messages[0].Error.Op)
	assert.NoFileExists(t, path)
}

func TestRemove_ReportsAnError(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "of-the-user"), nil, 0o600))
	var out strings.Builder
	err := run(t.Context(), []string{"remove", "--file", dir}, &out, io.Discard)
	require.ErrorIs(t, err, syscall.ENOTEMPTY)
	message, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	assert.Equal(t, "removing "+dir, message.Error.Op)
	assert.FileExists(t, filepath.Join(dir, "of-the-user"))
}
