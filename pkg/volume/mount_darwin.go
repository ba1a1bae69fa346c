package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// MountOf returns the mount that holds a path, whose last element need not exist. It has no
// UUID, and its device is the f_fsid of statfs(2), which another mount of the same
// filesystem may change.
func MountOf(path string) (protocol.Mount, error) {
	if err := CheckDevice(path); err != nil {
		return protocol.Mount{}, err
	}
	var found unix.Statfs_t
	err := unix.Statfs(path, &found)
	if errors.Is(err, fs.ErrNotExist) {
		err = unix.Statfs(filepath.Dir(path), &found)
	}
	if err != nil {
		return protocol.Mount{}, fmt.Errorf("looking up the filesystem of %s: %w", path, err)
	}
	device := uint64(uint32(found.Fsid.Val[0]))
	return protocol.Mount{
		Point:  unix.ByteSliceToString(found.Mntonname[:]),
		FSType: unix.ByteSliceToString(found.Fstypename[:]),
		Source: unix.ByteSliceToString(found.Mntfromname[:]),
		Device: fmt.Sprintf("%d:%d", unix.Major(device), unix.Minor(device)),
	}, nil
}
