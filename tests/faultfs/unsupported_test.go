package faultfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestUnsupported_FailsOnlyTheCall(t *testing.T) {
	for call, errno := range map[string]unix.Errno{
		"append": unix.EPERM, "direct": unix.EINVAL, "sync": unix.ENOTSUP, "lock": unix.ENOLCK,
		"sync-folder": unix.EINVAL, "rename-over": unix.ENOTSUP, "unlink": unix.EPERM, "mmap": unix.ENODEV,
	} {
		t.Run(call, func(t *testing.T) {
			fault := "unsupported:call=" + call
			if call != "mmap" { // the kernel chooses its error
				fault += ",errno=" + unix.ErrnoName(errno)
			}
			m := mount(t, fault, "mount")
			path := filepath.Join(m.point, "logs.log")
			f, err := os.Create(path)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, f.Close()) })
			open := func(flags int) error {
				other, err := os.OpenFile(path, flags, 0)
				if err == nil {
					err = other.Close()
				}
				return err
			}
			folder, err := os.Open(m.point)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, folder.Close()) })
			other := filepath.Join(m.point, "other")
			require.NoError(t, os.WriteFile(other, []byte("content"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(m.point, "new"), nil, 0o600))
			require.NoError(t, os.Rename(filepath.Join(m.point, "new"), filepath.Join(m.point, "another")))
			got := map[string]error{
				"mmap":        mapShared(other),
				"sync-folder": folder.Sync(),
				"rename-over": os.Rename(filepath.Join(m.point, "another"), other),
				"unlink":      os.Remove(other),
				"append":      open(os.O_WRONLY | os.O_APPEND),
				"direct":      open(os.O_RDONLY | unix.O_DIRECT),
				"sync":        unix.Fdatasync(int(f.Fd())),
				"lock":        unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB),
			}
			for other, got := range got {
				if other == call || call == "sync" && other == "sync-folder" {
					assert.ErrorIs(t, got, errno, other)
				} else {
					assert.NoError(t, got, other)
				}
			}
		})
	}
}

// mapShared maps a file, as databases do.
func mapShared(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	memory, err := unix.Mmap(int(f.Fd()), 0, 7, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		err = unix.Munmap(memory)
	}
	return errors.Join(err, f.Close())
}
