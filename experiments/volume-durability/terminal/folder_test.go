package terminal

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckBundleFolder_AcceptsAMissingFolderAndLeavesNothing(t *testing.T) {
	existing := t.TempDir()
	require.NoError(t, CheckBundleFolder(filepath.Join(existing, "new", "folder")))
	left, err := os.ReadDir(existing)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestCheckBundleFolder_RejectsAFolderInAFilesystemWithoutFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc, which answers every creation with ENOENT")
	}
	assert.ErrorContains(t, CheckBundleFolder("/proc/new"), "want a folder that can be written")
}
