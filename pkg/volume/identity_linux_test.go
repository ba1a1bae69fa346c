package volume

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

// parseNumber parses "major:minor".
func parseNumber(t *testing.T, device string) (major, minor uint32) {
	t.Helper()
	_, err := fmt.Sscanf(device, "%d:%d", &major, &minor)
	require.NoError(t, err)
	return major, minor
}

func TestBootID_IsAUUID(t *testing.T) {
	assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, BootID())
}

func TestKernel_IsTheReleaseOfUname(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "uname", "-r").Output()
	require.NoError(t, err)
	assert.Equal(t, string(output), Kernel()+"\n")
}

func TestMountOf_ReturnsTheUUIDOfAFilesystem(t *testing.T) {
	const id = "8f3a5c7e-9b1d-4f40-8123-456789abcdef"
	device := loopdevice.New(t, 8*mib)
	output, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-U", id, device).CombinedOutput()
	require.NoError(t, err, string(output))
	folder := t.TempDir()
	require.NoError(t, unix.Mount(device, folder, "ext4", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, 0)) })
	mount, err := MountOf(filepath.Join(folder, "logs.log"))
	require.NoError(t, err)
	assert.Equal(t, folder, mount.Point)
	if errors.Is(ioctl(folder, getFSUUID, unsafe.Pointer(&fsuuid2{})), unix.ENOTTY) {
		assert.Empty(t, mount.UUID, "a kernel before 6.9")
	} else {
		assert.Equal(t, id, mount.UUID)
	}
	_, err = OpenExclusive(device)
	assert.ErrorIs(t, err, unix.EBUSY, "a mounted device cannot be opened exclusively")
}

func TestMountOf_ReturnsNoUUIDIfThereIsNone(t *testing.T) {
	mount, err := MountOf("/proc/none")
	require.NoError(t, err)
	assert.Empty(t, mount.UUID)
}

func TestFSUUID_String(t *testing.T) {
	id := fsuuid2{length: 16}
	copy(id.uuid[:], "0123456789abcdef")
	assert.Equal(t, "30313233-3435-3637-3839-616263646566", id.String())
	id.length = 4
	assert.Equal(t, "30313233", id.String())
	assert.Equal(t, uint(0x80111500), uint(getFSUUID), "the number in linux/fs.h")
}
