package faultfs

import (
	"context"
	"fmt"
	"math"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// node is a file or directory. Every operation is go-fuse's loopback operation, and atomic
// with regard to damage.
//
// No timeouts are set, so the kernel requests names and attributes each time. It drops the
// cached pages of a file when the file is opened (no FOPEN_KEEP_CACHE), and when a read
// finds a new modification time (FUSE_AUTO_INVAL_DATA). The next process that opens the
// file, and those that already read it, therefore see the damage. Explicit invalidation
// (NotifyContent) could deadlock: in a handler, the kernel would wait for pages that are
// locked by reads and writes, which wait for the handler's lock.
type node struct {
	*fs.LoopbackNode
	volume *Volume
}

// WrapChild returns a node for every file and directory below.
func (n *node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{LoopbackNode: child.(*fs.LoopbackNode), volume: n.volume}
}

// look runs an operation that changes nothing.
func (n *node) look(do func() syscall.Errno) (errno syscall.Errno) {
	n.volume.locked(func() { errno = do() })
	return errno
}

// change runs an operation that changes names or attributes.
func (n *node) change(do func() syscall.Errno) syscall.Errno {
	return n.unless(n.volume.refuseChange, do)
}

// grow runs an operation that needs space.
func (n *node) grow(do func() syscall.Errno) syscall.Errno {
	return n.unless(n.volume.refuseGrowth, do)
}

func (n *node) unless(refuse, do func() syscall.Errno) syscall.Errno {
	return n.look(func() syscall.Errno {
		if errno := refuse(); errno != fs.OK {
			return errno
		}
		// The operation may have made another file the target.
		defer n.volume.target.look()
		return do()
	})
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (child *fs.Inode, errno syscall.Errno) {
	errno = n.look(func() (errno syscall.Errno) {
		child, errno = n.LoopbackNode.Lookup(ctx, name, out)
		return errno
	})
	return child, errno
}

func (n *node) Getattr(ctx context.Context, f fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return n.look(func() syscall.Errno { return n.LoopbackNode.Getattr(ctx, f, out) })
}

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.look(func() syscall.Errno {
		errno := n.LoopbackNode.Statfs(ctx, out)
		if n.volume.holds(fault.NoSpace) {
			out.Bfree, out.Bavail, out.Ffree = 0, 0, 0
		}
		return errno
	})
}

func (n *node) Open(ctx context.Context, flags uint32) (file fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	open := n.look
	if writes(flags) {
		open = n.change
	}
	errno = open(func() (errno syscall.Errno) {
		if errno := n.volume.unsupportedOpen(flags); errno != fs.OK {
			return errno
		}
		file, fuseFlags, errno = n.LoopbackNode.Open(ctx, backing(flags))
		fuseFlags |= n.volume.openFlags()
		if errno == fs.OK {
			file = n.volume.opened(file, n.StableAttr().Ino)
		}
		return errno
	})
	return file, fuseFlags, errno
}

func (n *node) Create(
	ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut,
) (child *fs.Inode, file fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	errno = n.grow(func() (errno syscall.Errno) {
		if errno := n.volume.unsupportedOpen(flags); errno != fs.OK {
			return errno
		}
		created := n.entryChange(fault.Created, name)
		child, file, fuseFlags, errno = n.LoopbackNode.Create(ctx, name, backing(flags), mode, out)
		fuseFlags |= n.volume.openFlags()
		if errno == fs.OK {
			file = n.volume.opened(file, child.StableAttr().Ino)
			created()
		}
		return errno
	})
	return child, file, fuseFlags, errno
}

func (n *node) Tmpfile(
	ctx context.Context, flags, mode uint32, out *fuse.EntryOut,
) (child *fs.Inode, file fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	errno = n.grow(func() (errno syscall.Errno) {
		child, file, fuseFlags, errno = n.LoopbackNode.Tmpfile(ctx, backing(flags), mode, out)
		if errno == fs.OK {
			file = n.volume.opened(file, child.StableAttr().Ino)
		}
		return errno
	})
	return child, file, fuseFlags, errno
}

// Setattr changes attributes. A change of the size is a change of content.
func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.change(func() syscall.Errno {
		size, resized := in.GetSize()
		if !resized || n.StableAttr().Ino != n.volume.target.inode {
			return n.LoopbackNode.Setattr(ctx, f, in, out)
		}
		lost := extent.Between(int64(size), n.volume.target.size())
		return n.volume.change(lost, func() syscall.Errno { return n.LoopbackNode.Setattr(ctx, f, in, out) })
	})
}

func (n *node) Mknod(
	ctx context.Context, name string, mode, rdev uint32, out *fuse.EntryOut,
) (child *fs.Inode, errno syscall.Errno) {
	errno = n.grow(func() (errno syscall.Errno) {
		child, errno = n.LoopbackNode.Mknod(ctx, name, mode, rdev, out)
		return errno
	})
	return child, errno
}

func (n *node) Mkdir(
	ctx context.Context, name string, mode uint32, out *fuse.EntryOut,
) (child *fs.Inode, errno syscall.Errno) {
	errno = n.grow(func() (errno syscall.Errno) {
		child, errno = n.LoopbackNode.Mkdir(ctx, name, mode, out)
		return errno
	})
	return child, errno
}

func (n *node) Symlink(
	ctx context.Context, to, name string, out *fuse.EntryOut,
) (child *fs.Inode, errno syscall.Errno) {
	errno = n.grow(func() (errno syscall.Errno) {
		child, errno = n.LoopbackNode.Symlink(ctx, to, name, out)
		return errno
	})
	return child, errno
}

func (n *node) Link(
	ctx context.Context, to fs.InodeEmbedder, name string, out *fuse.EntryOut,
) (child *fs.Inode, errno syscall.Errno) {
	errno = n.grow(func() (errno syscall.Errno) {
		child, errno = n.LoopbackNode.Link(ctx, to, name, out)
		return errno
	})
	return child, errno
}

func (n *node) Rename(
	ctx context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32,
) syscall.Errno {
	return n.change(func() syscall.Errno {
		if errno := n.unsupportedRename(parent, newName); errno != fs.OK {
			return errno
		}
		renamed := n.rename(name, parent, newName, flags)
		errno := n.LoopbackNode.Rename(ctx, name, parent, newName, flags)
		if errno == fs.OK {
			renamed()
		}
		return errno
	})
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.change(func() syscall.Errno {
		if errno := n.volume.unsupported(fault.CallUnlink); errno != fs.OK {
			return errno
		}
		removed := n.entryChange(fault.Removed, name)
		errno := n.LoopbackNode.Unlink(ctx, name)
		if errno == fs.OK {
			removed()
		}
		return errno
	})
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	return n.change(func() syscall.Errno { return n.LoopbackNode.Rmdir(ctx, name) })
}

func (n *node) Setxattr(ctx context.Context, name string, data []byte, flags uint32) syscall.Errno {
	return n.grow(func() syscall.Errno { return n.LoopbackNode.Setxattr(ctx, name, data, flags) })
}

func (n *node) Removexattr(ctx context.Context, name string) syscall.Errno {
	return n.change(func() syscall.Errno { return n.LoopbackNode.Removexattr(ctx, name) })
}

// CopyFileRange is refused: the kernel then uses reads and writes, which faultfs tracks.
func (n *node) CopyFileRange(
	context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64,
) (uint32, syscall.Errno) {
	return 0, syscall.ENOTSUP
}

// backing returns the flags to open the underlying file with. The kernel sends offsets for
// appending, and the buffers are not aligned for direct I/O.
func backing(flags uint32) uint32 { return flags &^ (syscall.O_APPEND | syscall.O_DIRECT) }

func writes(flags uint32) bool { return flags&syscall.O_ACCMODE != syscall.O_RDONLY }

// change changes a range of the target's content, and saves what is needed to undo it.
func (v *Volume) change(r extent.Range, do func() syscall.Errno) syscall.Errno {
	if err := v.target.before(r); err != nil {
		v.failure(fmt.Errorf("saving the content before a change: %w", err))
		return syscall.EIO
	}
	errno := do()
	size := v.target.size()
	v.target.synced = min(v.target.synced, size)
	v.failed.lost.Remove(extent.Between(size, math.MaxInt64))
	return errno
}
