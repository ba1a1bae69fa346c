package faultfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// directory is an open directory.
type directory struct {
	openDirectory
	volume *Volume
	inode  uint64
	// listed is whether an entry was read.
	listed bool
}

// openDirectory is what go-fuse's open directories implement.
type openDirectory interface {
	fs.FileReaddirenter
	fs.FileFsyncdirer
	fs.FileSeekdirer
	fs.FileReleasedirer
}

// OpendirHandle opens a directory to list or to sync it.
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (opened fs.FileHandle, _ uint32, errno syscall.Errno) {
	errno = n.look(func() (errno syscall.Errno) {
		opened, _, errno = n.LoopbackNode.OpendirHandle(ctx, flags)
		if errno == fs.OK {
			opened = &directory{openDirectory: opened.(openDirectory), volume: n.volume, inode: n.StableAttr().Ino}
		}
		return errno
	})
	return opened, 0, errno
}

// Readdirent returns the next entry. The first one makes it a listing.
func (d *directory) Readdirent(ctx context.Context) (entry *fuse.DirEntry, errno syscall.Errno) {
	d.volume.locked(func() {
		if !d.listed && d.isTarget() {
			d.volume.target.entries.lists++
			d.volume.advance()
		}
		d.listed = true
		entry, errno = d.openDirectory.Readdirent(ctx)
	})
	return entry, errno
}

// Fsyncdir implements fsync(2) and fdatasync(2).
func (d *directory) Fsyncdir(ctx context.Context, flags uint32) (errno syscall.Errno) {
	d.hang()
	d.volume.locked(func() {
		for _, call := range []string{fault.CallSync, fault.CallSyncFolder} {
			if errno = d.volume.unsupported(call); errno != fs.OK {
				return
			}
		}
		if !d.isTarget() {
			errno = d.openDirectory.Fsyncdir(ctx, flags)
			return
		}
		errno = d.volume.syncFolder(func() syscall.Errno { return d.openDirectory.Fsyncdir(ctx, flags) })
	})
	return errno
}

// syncFolder syncs the target, which is a folder.
func (v *Volume) syncFolder(do func() syscall.Errno) syscall.Errno {
	if errno := do(); errno != fs.OK {
		return errno
	}
	v.target.syncs++
	v.target.entries.synced()
	v.advance()
	return fs.OK
}

// hang blocks until the fault is healed, as a handle does.
func (d *directory) hang() {
	var hangs bool
	d.volume.locked(func() { hangs = d.volume.holds(fault.HangSync) && d.isTarget() })
	if hangs {
		<-d.volume.healed
	}
}

func (d *directory) isTarget() bool { return d.volume.isTargetFolder(d.inode) }

// isTargetFolder reports whether a directory is the target.
func (v *Volume) isTargetFolder(inode uint64) bool {
	return v.target.isFolder && v.target.inode == inode
}
