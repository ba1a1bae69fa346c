//go:build linux || darwin

package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// CheckDevice returns an error if a path is a block device and this system's block devices
// are not supported.
func CheckDevice(path string) error {
	if runtime.GOOS == "linux" || !IsBlockDevice(path) {
		return nil
	}
	return fmt.Errorf("%s is a block device: block devices are supported on Linux only: %w", path, errors.ErrUnsupported)
}

// SetWriteOffset sets the offset of the next write to a device.
func (f *File) SetWriteOffset(offset int64) error {
	_, err := f.Seek(offset, io.SeekStart)
	return err
}

// IsBlockDevice reports whether a path is a block device. It returns false if the path
// cannot be examined: opening it returns the error.
func IsBlockDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && isBlock(info.Mode())
}

// DeviceSize returns the size of a block device in bytes.
func DeviceSize(path string) (size int64, err error) {
	device, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	return device.Seek(0, io.SeekEnd)
}

func isBlock(mode fs.FileMode) bool {
	return mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0
}

// createOnDevice returns the device if it is blank, and closes it otherwise.
func createOnDevice(device *File) (*File, error) {
	if err := checkBlank(device.Name()); err != nil {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

// checkBlank returns an error unless the device begins with a blank block.
func checkBlank(path string) (err error) {
	device, err := OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	switch _, err := io.ReadFull(device, make([]byte, 1)); {
	case err == nil:
		return fmt.Errorf("the device is not blank: its first MiB contains data: %w", unix.EEXIST)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("checking that the device is blank: %w", err)
	}
}

// deviceEnd finds the end of the journal on a device.
type deviceEnd struct {
	// minLength is the minimum length of the journal: zeros before it are not the end.
	minLength int64
	// zeros is how many zeros were read and not returned: the end may be before them.
	zeros   int64
	reached bool
}

// addZeros adds zeros that end at an offset, and reports whether the end is reached.
func (e *deviceEnd) addZeros(zeros int, offset int64) bool {
	e.zeros += int64(zeros)
	from := max(offset-e.zeros, e.minLength)
	blank := (from + blankSize - 1) / blankSize * blankSize
	e.reached = e.reached || blank+blankSize <= offset
	return e.reached
}

// readDevice implements Read for a device. It sends at most one request to the device,
// so that a caller can measure each request; it may therefore return 0 and no error.
// Zeros are held back until other bytes follow. A page that cannot be read counts as
// other bytes, because it need not be blank.
func (r *Reader) readDevice(p []byte) (int, error) {
	if len(r.held) == 0 && !r.end.reached {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	data := r.held
	if !r.unreadablePage {
		data = bytes.TrimLeft(r.held, "\x00")
	}
	zeros := len(r.held) - len(data)
	r.held = data
	if r.end.addZeros(zeros, r.offset-int64(len(data))) {
		return 0, io.EOF
	}
	if len(data) == 0 {
		return 0, nil
	}
	if r.end.zeros > 0 {
		n := int(min(int64(len(p)), r.end.zeros))
		clear(p[:n])
		r.end.zeros -= int64(n)
		return n, nil
	}
	if !r.unreadablePage {
		data = bytes.TrimRight(data, "\x00")
	}
	n := copy(p, data)
	r.held = r.held[n:]
	return n, nil
}
