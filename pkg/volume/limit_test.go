//go:build linux || darwin

package volume

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLimit_NamesTheCallAndTheError(t *testing.T) {
	failed := func(errno syscall.Errno) error { return &os.PathError{Op: "open", Path: "/f", Err: errno} }
	for _, errno := range []syscall.Errno{syscall.EINVAL, syscall.ENOSYS, syscall.ENOTSUP} {
		for _, err := range []error{appendLimit("open(2)", failed(errno)), syncLimit(errno)} {
			var limit *LimitError
			require.ErrorAs(t, err, &limit)
			assert.ErrorIs(t, err, errno)
			assert.ErrorContains(t, err, limit.Limit+": "+limit.Call+" failed: "+errno.Error()+" (E")
			assert.ErrorContains(t, err, "To fix this: use ")
		}
	}
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ESPIPE} {
		assert.ErrorContains(t, appendLimit("open(2)", failed(errno)), "cannot append")
	}
	for _, err := range []error{appendLimit("open(2)", failed(syscall.ENOLCK)), syncLimit(syscall.ENOLCK)} {
		assert.ErrorContains(t, err, "cannot lock the file")
	}
}

func TestLimit_OfAPatternNamesTheCallAndTheError(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/f", nil, 0o600))
	for want, err := range map[string]error{
		"cannot map a file into memory: mmap(2) failed":           MapLimit(unix.ENODEV),
		"cannot sync a file: msync(2) failed":                     MsyncLimit(syscall.EINVAL),
		"cannot sync a folder, so no file name can":               folderSyncLimit(syscall.EINVAL),
		"cannot overwrite a file in place: open(2)":               inPlaceLimit("open(2)", syscall.EPERM, unix.EPERM),
		"cannot rename a file over another one: rename(2) failed": Rename(folder, folder+"/below"),
	} {
		var limit *LimitError
		require.ErrorAs(t, err, &limit, want)
		assert.True(t, limit.IsUnsupported())
		assert.ErrorContains(t, err, want)
	}
	assert.NotErrorIs(t, MapLimit(syscall.EIO), &LimitError{})
	assert.Equal(t, syscall.EPERM, inPlaceLimit("write(2)", syscall.EPERM))
}

func TestLimit_OfAnotherProcessIsNotUnsupported(t *testing.T) {
	var limit *LimitError
	require.ErrorAs(t, syncLimit(syscall.ENOLCK), &limit)
	assert.False(t, limit.IsUnsupported())
}

func TestLimit_KeepsOtherErrors(t *testing.T) {
	for _, err := range []error{nil, syscall.EIO, syscall.EROFS, fs.ErrNotExist, errors.New("no errno")} {
		assert.Equal(t, err, appendLimit("open(2)", err))
		assert.Equal(t, err, syncLimit(err))
	}
	assert.Equal(t, syscall.EPERM, syncLimit(syscall.EPERM), "only appending fails with EPERM")
}
