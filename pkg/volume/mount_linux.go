package volume

import (
	"fmt"
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
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return protocol.Mount{}, err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(filepath.Join(dir, filepath.Base(path))))
	if err != nil {
		return protocol.Mount{}, fmt.Errorf("reading the mount table: %w", err)
	}
	info := deepest(mounts)
	if info == nil {
		return protocol.Mount{}, fmt.Errorf("no mount contains %s", path)
	}
	mount := mountFrom(info)
	mount.UUID = filesystemUUID(dir)
	return mount, nil
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
