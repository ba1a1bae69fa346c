// Package loop attaches files to loop devices, the kernel's block devices over
// files.
package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// attempts is how often Attach looks for a free device, which another process may take first.
const attempts = 64

// Group is the group of the devices: disk on Debian. udev gives it the block devices of a
// machine, with the mode of deviceMode. A machine without udev does not.
const (
	Group      = 6
	deviceMode = 0o660
)

// Attach returns the device over a file, and attaches one if there is none. The device
// belongs to root and to Group, as on a machine with udev.
func Attach(file string) (device string, err error) {
	device, err = Find(file)
	if err != nil || device != "" {
		return device, err
	}
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, backing.Close()) }()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	for range attempts {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("asking for a free loop device: %w", err)
		}
		device = "/dev/loop" + strconv.Itoa(number)
		err = configure(device, backing)
		if errors.Is(err, unix.EBUSY) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("attaching %s to %s: %w", file, device, err)
		}
		return device, errors.Join(os.Chown(device, 0, Group), os.Chmod(device, deviceMode))
	}
	return "", fmt.Errorf("attaching %s: others took every free loop device, %d times", file, attempts)
}

func configure(device string, backing *os.File) (err error) {
	opened, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], backing.Name())
	return unix.IoctlLoopConfigure(int(opened.Fd()), &config)
}

// Find returns the device over a file, or an empty string.
func Find(file string) (string, error) {
	var want unix.Stat_t
	if err := unix.Stat(file, &want); err != nil {
		return "", &os.PathError{Op: "stat", Path: file, Err: err}
	}
	attached, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return "", err
	}
	for _, entry := range attached {
		device := "/dev/" + strings.Split(entry, "/")[3]
		info, err := status(device)
		if errors.Is(err, unix.ENXIO) || errors.Is(err, os.ErrNotExist) {
			continue // detached meanwhile
		}
		if err != nil {
			return "", fmt.Errorf("asking %s for its file: %w", device, err)
		}
		if info.Device == want.Dev && info.Inode == want.Ino {
			return device, nil
		}
	}
	return "", nil
}

func status(device string) (info *unix.LoopInfo64, err error) {
	opened, err := os.Open(device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return unix.IoctlLoopGetStatus64(int(opened.Fd()))
}

// Detach detaches the device over a file and returns once it is free. It waits for
// processes that have the device open until the context ends. It succeeds if the file has
// no device.
func Detach(ctx context.Context, file string) error {
	device, err := Find(file)
	if err != nil || device == "" {
		return err
	}
	if err := clearDevice(device); err != nil {
		return fmt.Errorf("detaching %s: %w", device, err)
	}
	err = wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(context.Context) (bool, error) {
		left, err := Find(file)
		return left == "", err
	})
	if err != nil {
		return fmt.Errorf("waiting for %s, which is in use, to be free: %w", device, err)
	}
	return nil
}

func clearDevice(device string) (err error) {
	opened, err := os.Open(device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := unix.IoctlSetInt(int(opened.Fd()), unix.LOOP_CLR_FD, 0); !errors.Is(err, unix.ENXIO) {
		return err
	}
	return nil
}
