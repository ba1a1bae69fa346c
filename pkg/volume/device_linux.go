package volume

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// OpenExclusive opens a block device for writing (O_EXCL). While it is open, no other
// process on the node can open it exclusively or mount it. A writer opens the device
// before it looks for the end of the journal: otherwise it could overwrite what another
// writer appends meanwhile. SetWriteOffset sets where to write.
//
// OpenExclusive returns nil and no error if the path is not a block device.
func OpenExclusive(path string) (*File, error) {
	if !IsBlockDevice(path) {
		return nil, nil
	}
	device, err := os.OpenFile(path, os.O_WRONLY|unix.O_EXCL, 0)
	if err != nil {
		return nil, err
	}
	return &File{File: device}, nil
}

// ZeroDevice overwrites a whole block device with zeros. A device that is mounted or held open
// by another process is not changed.
func ZeroDevice(path string) (err error) {
	device, err := OpenExclusive(path)
	if err != nil {
		return err
	}
	if device == nil {
		return fmt.Errorf("%s is not a block device: %w", path, unix.ENOTBLK)
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	size, err := device.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	extent := [2]uint64{0, uint64(size)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, device.Fd(), unix.BLKZEROOUT, uintptr(unsafe.Pointer(&extent)))
	if errno != 0 {
		return fmt.Errorf("overwriting %s with zeros: %w", path, errno)
	}
	return device.Sync()
}
