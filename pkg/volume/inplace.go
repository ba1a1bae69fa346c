//go:build linux || darwin

package volume

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CreateInPlace creates a file of zeros that is to be overwritten in place, and makes it durable, with its name. On a
// block device, which must be blank and large enough, it writes nothing.
//
// If the file exists, or the device is not blank, CreateInPlace changes nothing and returns an error for which
// errors.Is(err, fs.ErrExist) is true.
func CreateInPlace(path string, size int64) (*File, error) {
	device, err := OpenExclusive(path)
	if err != nil {
		return nil, err
	}
	if device != nil {
		return createInPlaceOnDevice(device, size)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, inPlaceLimit("open(2) with O_RDWR", err)
	}
	if err := errors.Join(writeZeros(f, size), syncFolder(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{File: f, inPlace: true}, nil
}

func createInPlaceOnDevice(device *File, size int64) (*File, error) {
	device, err := createOnDevice(device)
	if err != nil {
		return nil, err
	}
	switch has, err := device.Seek(0, io.SeekEnd); {
	case err != nil:
		return nil, errors.Join(err, device.Close())
	case has < size:
		return nil, errors.Join(fmt.Errorf("the device has %d bytes, the objects need %d: %w", has, size, unix.ENOSPC),
			device.Close())
	}
	return device, nil
}

// writeZeros writes zeros instead of only reserving space, as databases do: later writes then change no metadata.
func writeZeros(f *os.File, size int64) error {
	zeros := make([]byte, min(size, 1<<20))
	for offset := int64(0); offset < size; offset += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(size-offset, int64(len(zeros)))], offset); err != nil {
			return inPlaceLimit(overwriteCall, err)
		}
	}
	return callLimit("fsync(2)", f.Sync())
}

// OpenInPlace opens a file to be overwritten in place. For a block device, use OpenExclusive instead.
func OpenInPlace(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, inPlaceLimit("open(2) of an existing file", err, unix.EPERM)
	}
	return &File{File: f, inPlace: true}, nil
}

// overwriteCall is the call in the error of a write in place.
const overwriteCall = "write(2) in the middle of the file"

// WriteAt overwrites a part of the file or device. The error is a LimitError if the filesystem cannot do that.
func (f *File) WriteAt(b []byte, offset int64) (int, error) {
	n, err := f.File.WriteAt(b, offset)
	if err != nil && f.inPlace {
		err = inPlaceLimit(overwriteCall, err)
	}
	return n, err
}

// Rename renames a file, and replaces a file that has the new name. The error is a LimitError if the filesystem cannot
// do that.
func Rename(from, to string) error {
	const limit = "the filesystem cannot rename a file over another one"
	return patternLimit(limit, "rename(2)", os.Rename(from, to), unix.EEXIST)
}

// Unlink removes a file. The error is a LimitError if the filesystem cannot remove files. Some object stores answer
// with EPERM.
func Unlink(path string) error {
	return patternLimit("the filesystem cannot remove a file", "unlink(2)", os.Remove(path), unix.EPERM)
}

// CreateWhole creates or replaces a file with a content, and makes the content durable. Flags are further flags of
// open(2). The error is a LimitError if the filesystem cannot sync.
func CreateWhole(path string, content []byte, flags int) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return callLimit("fsync(2)", f.Sync())
}

// SyncFolder makes the names in a folder durable (fsync(2)). It returns the error of a filesystem that cannot sync a
// folder.
func SyncFolder(path string) error {
	return fsyncFolder(path, folderSyncLimit)
}
