package loop

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without device_ownership_from_security_context, the device in a container has the owner,
// the group and the mode of the device on the node.
func TestAttach_GivesTheDeviceTheGroupDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("loop devices need root")
	}
	file := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	device, err := Attach(file)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, Detach(t.Context(), file)) })
	info, err := os.Stat(device)
	require.NoError(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	assert.Equal(t, os.FileMode(0o660), info.Mode().Perm())
	assert.Equal(t, []uint32{0, Group}, []uint32{stat.Uid, stat.Gid})
}
