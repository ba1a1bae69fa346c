package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/moby/sys/mountinfo"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// MountOf returns the mount that holds a path, whose last element need not exist. If the
// path is a block device, MountOf returns a description of the device instead.
func MountOf(path string) (protocol.Mount, error) {
	if IsBlockDevice(path) {
		return blockDeviceMount(path)
	}
	resolved, err := resolve(path, filepath.EvalSymlinks)
	if err != nil {
		return protocol.Mount{}, err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(resolved))
	if err != nil {
		return protocol.Mount{}, fmt.Errorf("reading the mount table: %w", err)
	}
	info := deepest(mounts)
	if info == nil {
		return protocol.Mount{}, fmt.Errorf("no mount contains %s", path)
	}
	mount := mountFrom(info)
	mount.UUID = filesystemUUID(filepath.Dir(resolved))
	return mount, nil
}

// resolve returns an absolute path without symbolic links. The last element need not exist. If the links cannot be
// followed for another reason, for example because the file handle of a folder is stale (ESTALE), the path itself is
// looked up: it is below the mount point.
func resolve(path string, evalSymlinks func(string) (string, error)) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if resolved, err := evalSymlinks(absolute); err == nil {
		return resolved, nil
	}
	dir, err := evalSymlinks(filepath.Dir(absolute))
	switch {
	case err == nil:
		return filepath.Join(dir, filepath.Base(absolute)), nil
	case errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return absolute, nil
}

// deepest returns the mount with the longest mount point; nil if there is none. If several
// mounts share a mount point, the last one hides the others.
func deepest(mounts []*mountinfo.Info) (found *mountinfo.Info) {
	for _, m := range mounts {
		if found == nil || len(m.Mountpoint) >= len(found.Mountpoint) {
			found = m
		}
	}
	return found
}

func mountFrom(info *mountinfo.Info) protocol.Mount {
	return protocol.Mount{
		Device: fmt.Sprintf("%d:%d", info.Major, info.Minor), Root: info.Root, Point: info.Mountpoint,
		FSType: info.FSType, Source: info.Source, Options: info.Options, SuperOptions: info.VFSOptions,
	}
}
