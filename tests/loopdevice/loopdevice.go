// Package loopdevice gives tests real block devices: files behind loop(4). It knows
// nothing of what is put on them.
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

// New is a blank block device of a size in bytes, a multiple of 512, for as long as
// the test takes. Only root may attach one; anybody else's test is skipped.
func New(t testing.TB, size int64) (path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("attaching a loop device needs root")
	}
	behind, err := os.Create(filepath.Join(t.TempDir(), "device"))
	require.NoError(t, err)
	defer behind.Close()
	require.NoError(t, behind.Truncate(size))
	path, err = attach(behind)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, detach(path)) })
	return path
}

// attach puts a file behind the next free device. Another process may be faster.
func attach(behind *os.File) (path string, err error) {
	control, err := os.Open("/dev/loop-control")
	if err != nil {
		return "", err
	}
	defer control.Close()
	for {
		free, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("asking for a free loop device: %w", err)
		}
		path := fmt.Sprintf("/dev/loop%d", free)
		if err := configure(path, behind); !errors.Is(err, unix.EBUSY) {
			return path, err
		}
	}
}

func configure(path string, behind *os.File) error {
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer device.Close()
	if err := unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{Fd: uint32(behind.Fd())}); err != nil {
		return fmt.Errorf("attaching %s to %s: %w", behind.Name(), path, err)
	}
	return nil
}

func detach(path string) error {
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
