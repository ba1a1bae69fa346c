package faultfs

import (
	"bytes"
	"context"
	"math"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// handle is an open file.
type handle struct {
	*fs.LoopbackFile
	volume *Volume
	inode  uint64
}

func (v *Volume) opened(file fs.FileHandle, inode uint64) *handle {
	return &handle{LoopbackFile: file.(*fs.LoopbackFile), volume: v, inode: inode}
}

// Ioctl is not supported: faultfs could not track the changes that it makes.
func (h *handle) Ioctl(context.Context, uint32, uint64, []byte, []byte) (int32, syscall.Errno) {
	return 0, syscall.ENOTTY
}

// Read fails as a whole if the range contains an unreadable page: a short read would mean to
// the kernel that the file ends there.
func (h *handle) Read(ctx context.Context, buf []byte, offset int64) (result fuse.ReadResult, errno syscall.Errno) {
	h.hang(fault.HangRead)
	h.volume.locked(func() {
		if h.volume.isUnreadable(h, extent.Range{Offset: offset, Length: int64(len(buf))}) {
			errno = syscall.EIO
			return
		}
		result, errno = h.read(ctx, buf, offset)
	})
	return result, errno
}

// read reads the data now. The result of go-fuse would be read when it is sent, possibly
// after the next damage.
func (h *handle) read(ctx context.Context, buf []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	later, errno := h.LoopbackFile.Read(ctx, buf, offset)
	if errno != fs.OK {
		return nil, errno
	}
	defer later.Done()
	content, status := later.Bytes(buf)
	return fuse.ReadResultData(content), syscall.Errno(status)
}

// Write writes, and marks the handle as a writer.
func (h *handle) Write(ctx context.Context, data []byte, offset int64) (n uint32, errno syscall.Errno) {
	r := extent.Range{Offset: offset, Length: int64(len(data))}
	errno = h.change(r, r.End(), func() (errno syscall.Errno) {
		h.volume.target.writers[h] = true
		n, errno = h.LoopbackFile.Write(ctx, data, offset)
		if h.volume.affects(h) && errno == fs.OK {
			h.volume.written(extent.Range{Offset: offset, Length: int64(n)})
		}
		return errno
	})
	return n, errno
}

// Writev writes several buffers as one write.
func (h *handle) Writev(ctx context.Context, data [][]byte, offset int64) (uint32, syscall.Errno) {
	return h.Write(ctx, bytes.Join(data, nil), offset)
}

// Allocate may change everything after the offset, because it can shift data.
func (h *handle) Allocate(ctx context.Context, offset, length uint64, mode uint32) syscall.Errno {
	return h.change(extent.Between(int64(offset), math.MaxInt64), int64(offset+length), func() syscall.Errno {
		return h.LoopbackFile.Allocate(ctx, offset, length, mode)
	})
}

// change changes the content of a range. The file must have space up to end.
func (h *handle) change(r extent.Range, end int64, do func() syscall.Errno) (errno syscall.Errno) {
	h.volume.locked(func() {
		if errno = h.refuse(end); errno != fs.OK {
			return
		}
		if !h.volume.affects(h) {
			errno = do()
			return
		}
		errno = h.volume.change(r, do)
	})
	return errno
}

func (h *handle) refuse(end int64) syscall.Errno {
	var out fuse.AttrOut
	if errno := h.LoopbackFile.Getattr(context.Background(), &out); errno != fs.OK {
		return errno
	}
	if end > int64(out.Size) {
		return h.volume.refuseGrowth()
	}
	return h.volume.refuseChange()
}

// Fsync implements fsync(2) and fdatasync(2).
func (h *handle) Fsync(ctx context.Context, flags uint32) (errno syscall.Errno) {
	h.hang(fault.HangSync)
	h.delay()
	h.volume.locked(func() {
		if errno = h.volume.unsupported(fault.CallSync); errno != fs.OK {
			return
		}
		if !h.volume.affects(h) {
			errno = h.LoopbackFile.Fsync(ctx, flags)
			return
		}
		errno = h.volume.sync(func() syscall.Errno { return h.LoopbackFile.Fsync(ctx, flags) })
	})
	return errno
}

// Setlk implements flock(2) and fcntl(2). The kernel calls it only if the fault is about locks.
func (h *handle) Setlk(ctx context.Context, owner uint64, lk *fuse.FileLock, flags uint32) (errno syscall.Errno) {
	h.volume.locked(func() { errno = h.volume.unsupported(fault.CallLock) })
	if errno != fs.OK {
		return errno
	}
	return h.LoopbackFile.Setlk(ctx, owner, lk, flags)
}

// Setlkw works like Setlk, for a call that waits for the lock.
func (h *handle) Setlkw(ctx context.Context, owner uint64, lk *fuse.FileLock, flags uint32) (errno syscall.Errno) {
	h.volume.locked(func() { errno = h.volume.unsupported(fault.CallLock) })
	if errno != fs.OK {
		return errno
	}
	return h.LoopbackFile.Setlkw(ctx, owner, lk, flags)
}

// Flush implements close(2), also at the end of a process; both wait for it. The kernel holds
// neither the lock of the inode nor pages meanwhile.
func (h *handle) Flush(ctx context.Context) (errno syscall.Errno) {
	h.volume.locked(func() {
		errno = h.LoopbackFile.Flush(ctx)
		h.volume.closed(h)
	})
	return errno
}

// Release ends a handle. No process waits for it, so Flush counts the closing. Release
// counts it only if the kernel omitted the flush.
func (h *handle) Release(ctx context.Context) (errno syscall.Errno) {
	h.volume.locked(func() {
		h.volume.closed(h)
		errno = h.LoopbackFile.Release(ctx)
	})
	return errno
}

// suffers reports whether a lasting fault affects this file. If so, the call waits.
func (h *handle) suffers(name string) (suffers bool) {
	h.volume.locked(func() {
		if suffers = h.volume.holds(name) && h.volume.affects(h); suffers {
			h.volume.waited++
		}
	})
	return suffers
}

// hang blocks until the fault is healed. Interrupts do not end it, as with a hung disk.
func (h *handle) hang(name string) {
	if h.suffers(name) {
		<-h.volume.healed
	}
}

func (h *handle) delay() {
	if !h.suffers(fault.SlowSync) {
		return
	}
	select {
	case <-time.After(h.volume.options.Fault.Values.Duration("delay")):
	case <-h.volume.healed:
	}
}
