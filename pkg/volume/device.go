//go:build linux

package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Claim opens the block device that a path is for writing, and holds it: on one
// node nobody else can do so at the same time, nor mount it (O_EXCL). Whoever
// claims it before looking for the journal's end does not overwrite what a writer
// adds that is still alive. GoOn says where to write then. There is nothing to
// claim where the path is no block device: the file is nil.
func OpenExclusive(path string) (*File, error) {
	if !IsBlockDevice(path) {
		return nil, nil
	}
	device, err := os.OpenFile(path, os.O_WRONLY|unix.O_EXCL, 0)
	if err != nil {
		return nil, err
	}
	return &File{device}, nil
}

// GoOn makes an offset of a claimed device the one to write at.
func (f *File) SetWriteOffset(offset int64) error {
	_, err := f.Seek(offset, io.SeekStart)
	return err
}

// IsBlockDevice says whether a path is a block device. Where that cannot be told it is
// none: opening it will say why.
func IsBlockDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && isBlock(info.Mode())
}

func isBlock(mode fs.FileMode) bool {
	return mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0
}

// createOn begins a journal on a claimed device, which must be blank.
func createOn(device *File) (*File, error) {
	if err := mustBeBlank(device.Name()); err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

// mustBeBlank refuses a device that begins with anything but zeros.
func mustBeBlank(path string) (err error) {
	device, err := OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	switch _, err := io.ReadFull(device, make([]byte, 1)); {
	case err == nil:
		return fmt.Errorf("the device is not blank, and what its first MiB holds is somebody else's: %w", unix.EEXIST)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("looking whether the device is blank: %w", err)
	}
}

// deviceEnd finds where the journal on a device ends.
type deviceEnd struct {
	// promised is how many bytes it has at least: zeros before that are no end.
	promised int64
	// zeros counts those that were read and not passed on: the end may be before them.
	zeros   int64
	reached bool
}

// passes takes note of zeros up to an offset, and says whether they are the end.
func (e *deviceEnd) passes(zeros int, offset int64) bool {
	e.zeros += int64(zeros)
	from := max(offset-e.zeros, e.promised)
	blank := (from + blankSize - 1) / blankSize * blankSize
	e.reached = e.reached || blank+blankSize <= offset
	return e.reached
}

// readDevice reads on where the file is a device. It asks the device at most once,
// so that whoever watches a call watches no more than one request: it may
// return nothing, and no error. Zeros are held back until something follows. What
// cannot be read is something: nobody knows that it is blank.
func (r *Reader) readDevice(p []byte) (int, error) {
	if len(r.held) == 0 && !r.end.reached {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	something := r.held
	if !r.blind {
		something = bytes.TrimLeft(r.held, "\x00")
	}
	zeros := len(r.held) - len(something)
	r.held = something
	if r.end.passes(zeros, r.at-int64(len(something))) {
		return 0, io.EOF
	}
	if len(something) == 0 {
		return 0, nil
	}
	if r.end.zeros > 0 {
		n := int(min(int64(len(p)), r.end.zeros))
		clear(p[:n])
		r.end.zeros -= int64(n)
		return n, nil
	}
	if !r.blind {
		something = bytes.TrimRight(something, "\x00")
	}
	n := copy(p, something)
	r.held = r.held[n:]
	return n, nil
}
