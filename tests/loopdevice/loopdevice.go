// Package loopdevice provides real block devices to tests: loop devices, which are backed
// by files (loop(4)).
package loopdevice

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// New attaches a blank block device and returns its path. The size is in bytes, a multiple
// of 512. The device is detached when the test ends. Attaching a device needs root; the
// test is skipped without it.
func New(t testing.TB, size int64) (path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("attaching a loop device needs root")
	}
	backing, err := os.Create(filepath.Join(t.TempDir(), "device"))
	require.NoError(t, err)
	defer backing.Close()
	require.NoError(t, backing.Truncate(size))
	path, err = Attach(backing)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, Detach(path)) })
	return path
}

// Attach attaches a file to a free device, and returns the path of the device. It retries
// if another process takes the device first.
func Attach(backing *os.File) (path string, err error) {
	control, err := os.Open("/dev/loop-control")
	if err != nil {
		return "", err
	}
	defer control.Close()
	for {
		free, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("finding a free loop device: %w", err)
		}
		path := fmt.Sprintf("/dev/loop%d", free)
		if err := configure(path, backing); !errors.Is(err, unix.EBUSY) {
			return path, err
		}
	}
}

// configure attaches a file to a device.
func configure(path string, backing *os.File) error {
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer device.Close()
	if err := unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{Fd: uint32(backing.Fd())}); err != nil {
		return fmt.Errorf("attaching %s to %s: %w", backing.Name(), path, err)
	}
	return nil
}

// Detach detaches a device from its file, at the latest when the device is not in use any more.
func Detach(path string) error {
	device, err := os.Open(path)
	if err != nil {
		return err
	}
	defer device.Close()
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_CLR_FD, 0); err != nil {
		return fmt.Errorf("detaching %s: %w", path, err)
	}
	return nil
}
