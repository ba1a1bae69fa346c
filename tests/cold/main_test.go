package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseBusy_HasNeitherIdleTimeNorWaits(t *testing.T) {
	busy, err := parseBusy("cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
	require.NoError(t, err)
	assert.Equal(t, 1630*time.Millisecond, busy)
	_, err = parseBusy("intr 1 2 3")
	assert.ErrorContains(t, err, "/proc/stat")
}

func TestSize_HasTheFilesOfAllFolders(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "a", "b"), 0o755))
	for name, content := range map[string]string{"one": "1", "a/two": "22", "a/b/three": "333"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	total, err := size(folder)
	require.NoError(t, err)
	assert.EqualValues(t, 6, total)
	total, err = size(filepath.Join(folder, "missing"))
	require.NoError(t, err)
	assert.Zero(t, total)
}

func TestPrintCosts_HasTheSum(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printCosts(&out, []cost{
		{step: "first", wall: 10 * time.Second, commands: 15 * time.Second, busy: 16 * time.Second, downloaded: 3 << 20},
		{step: "second", wall: 20 * time.Second, commands: 2 * time.Second, busy: 18 * time.Second},
	}))
	assert.Regexp(t, `\| second +\| 20 +\| 2 +\| 18 +\| 0 +\|\n`, out.String())
	assert.Regexp(t, `\| all +\| 30 +\| 17 +\| 34 +\| 3 +\|\n`, out.String())
}

// The caches of the user must not be used.
func TestCommand_HasCachesOfItsOwn(t *testing.T) {
	t.Setenv("GOCACHE", "/user/compiled")
	m := machine{tree: t.TempDir(), caches: "/caches"}
	output := m.command(t.Context(), []string{"go", "env", "GOCACHE", "GOMODCACHE"})
	output.Stdout = nil
	text, err := output.Output()
	require.NoError(t, err)
	assert.Equal(t, "/caches/compiled\n/caches/modules\n", string(text))
}

func TestRecorder_HasTheActionsThatExecutedCommands(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module m\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.go"), []byte("package m\n"), 0o600))
	builds, err := newRecorder(t.TempDir())
	require.NoError(t, err)
	m := machine{tree: dir, caches: t.TempDir(), builds: builds}
	for _, want := range []int{1, 0} { // the second build finds the package in the cache
		require.NoError(t, m.command(t.Context(), []string{"sh", "-c", "go build ."}).Run())
		actions, err := builds.take()
		require.NoError(t, err)
		require.Len(t, actions, want)
	}
}

func TestPrintActions_CountsPackagesThatWereCompiledTwice(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printActions(&out, []action{
		{Mode: "build", Package: "a", CmdUser: time.Second}, {Mode: "build", Package: "b", CmdUser: 3 * time.Second},
		{Mode: "build", Package: "a", CmdSys: time.Second}, {Mode: "link", Package: "main", CmdUser: 2 * time.Second},
	}))
	assert.Contains(t, out.String(), "compiling 2 packages: 5 s of processor time, linking: 2 s\n")
	assert.Contains(t, out.String(), "more than once: 1\n")
	assert.Contains(t, out.String(), "3.00 s  b\n    2.00 s  a\n")
}
