//go:build linux || darwin

package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File is a journal that is open for writing: a file in append mode, a file or a block device that is overwritten in
// place.
type File struct {
	*os.File
	appends bool
	// inPlace reports whether the file is a file that is overwritten in place.
	inPlace bool
	// syncWrites reports whether each write is durable when it returns.
	syncWrites bool
}

// Write appends to a file, or writes to a device at its offset. The error is a LimitError if the filesystem cannot
// append.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if err != nil && f.appends {
		err = appendLimit("write(2) at the end of the file", err)
	}
	return n, err
}

// Create creates the file and syncs its folder: without that, a crash may lose the name
// of a file whose data was synced. If the path is a block device, Create opens it
// exclusively (see OpenExclusive).
//
// If the file exists, or the device is not blank, Create changes nothing and returns an
// error for which errors.Is(err, fs.ErrExist) is true.
func Create(path string) (*File, error) {
	device, err := OpenExclusive(path)
	if err != nil {
		return nil, err
	}
	if device != nil {
		return createOnDevice(device)
	}
	return open(path, os.O_CREATE|os.O_EXCL)
}

// OpenAppend opens the file for appending, and creates it if it does not exist. For a
// block device, use OpenExclusive and SetWriteOffset instead.
func OpenAppend(path string) (*File, error) {
	if f, err := open(path, 0); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	return Create(path)
}

func open(path string, flags int) (*File, error) {
	// After a forced deletion, two writers may run at the same time. With O_APPEND they
	// cannot overwrite each other.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|flags, 0o644)
	if flags&os.O_CREATE != 0 && errors.Is(err, unix.EPERM) {
		return nil, err // files cannot be created in the folder
	}
	if err != nil {
		return nil, appendLimit("open(2) with O_APPEND", err)
	}
	if flags&os.O_CREATE != 0 {
		if err := syncFolder(filepath.Dir(path)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return &File{File: f, appends: true}, nil
}

// syncFolder makes the names in a folder durable. Some network filesystems do not need to sync a folder, and do not
// support it, so that is no error.
func syncFolder(path string) error {
	return fsyncFolder(path, func(err error) error {
		if isUnsupported(err) {
			return nil
		}
		return err
	})
}

// fsyncFolder calls fsync(2) on a folder, and returns what convert makes of its error.
func fsyncFolder(path string, convert func(error) error) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(convert(folder.Sync()), folder.Close())
}
