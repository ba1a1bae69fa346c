//go:build linux

package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is a journal's file, open for appending, or a block device that goes on
// being written where it was last.
type File struct {
	*os.File
}

// Create makes the file and makes its name durable: data that was synced into a
// file whose directory was not synced may have no name after a crash. An
// existing file is an error, errors.Is(err, fs.ErrExist), and is left as it is. So is
// a block device that is not blank; a blank one is claimed (see Claim).
func Create(path string) (*File, error) {
	device, err := OpenExclusive(path)
	if err != nil {
		return nil, err
	}
	if device != nil {
		return createOn(device)
	}
	return open(path, os.O_CREATE|os.O_EXCL)
}

// Append opens the file to go on at its end, and makes it where it is gone. It is
// not for block devices: these are claimed.
func OpenAppend(path string) (*File, error) {
	if f, err := open(path, 0); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	return Create(path)
}

func open(path string, flags int) (*File, error) {
	// Appending in the kernel keeps two writers that are alive at once, after a
	// forced deletion, from overwriting each other.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|flags, 0o644)
	if err != nil {
		return nil, err
	}
	if flags&os.O_CREATE != 0 {
		if err := syncDirectory(filepath.Dir(path)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return &File{f}, nil
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	// Some network filesystems refuse to sync a directory and need no such thing.
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return errors.Join(err, dir.Close())
	}
	return dir.Close()
}

// Datasync returns once everything written to the file is on stable storage,
// with as much of its metadata as reading it back needs (fdatasync(2)).
func (f *File) Datasync() error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
