package machine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMountsAreUnmountedInReverseAndOnlyOurs(t *testing.T) {
	table := `22 28 0:21 / /state rw - tmpfs tmpfs rw
23 28 0:22 / /state/a rw - tmpfs tmpfs rw
24 28 0:23 / /statement rw - tmpfs tmpfs rw
25 28 0:24 / /state/a/b\040c rw - tmpfs tmpfs rw
`
	assert.Equal(t, []string{"/state/a/b c", "/state/a", "/state"}, mountsBelow("/state", table))
}

func TestOnlyLinksIntoTheClusterAreRemoved(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/state/logs/a", filepath.Join(dir, "ours")))
	require.NoError(t, os.Symlink("/statement/a", filepath.Join(dir, "theirs")))
	require.NoError(t, removeLinks(dir, "/state"))
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(dir, "theirs")}, left)
}

func TestWhatTheMachineWasLikeIsRecordedOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traces.json")
	require.NoError(t, LookAround(file))
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(first, '\n'), 0o600))
	require.NoError(t, LookAround(file))
	second, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Len(t, second, len(first)+1, "the first record stays")
}

func TestRestoreWithoutARecordDoesNothing(t *testing.T) {
	assert.NoError(t, Restore(filepath.Join(t.TempDir(), "none"), "/state"))
}
