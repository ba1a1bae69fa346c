package faultfs

import (
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
	} {
		t.Run(call, func(t *testing.T) {
			m := mount(t, "unsupported:call="+call+",errno="+unix.ErrnoName(errno), "mount")
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
			for other, got := range map[string]error{
				"append": open(os.O_WRONLY | os.O_APPEND),
				"direct": open(os.O_RDONLY | unix.O_DIRECT),
				"sync":   unix.Fdatasync(int(f.Fd())),
				"lock":   unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB),
			} {
				if other == call {
					assert.ErrorIs(t, got, errno, other)
				} else {
					assert.NoError(t, got, other)
				}
			}
		})
	}
}
