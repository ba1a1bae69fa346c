package faultfs

import (
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"

	"github.com/volume-durability/volume-durability/tests/faultfs/change"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
	"github.com/volume-durability/volume-durability/tests/faultfs/undo"
)

// unreadable is a range that cannot be read.
type unreadable struct{ extent.Range }

func (v *Volume) isUnreadable(h *handle, r extent.Range) bool {
	return v.holds(fault.ReadError) && v.affects(h) && v.unreadable.Overlaps(r)
}

// syncFailure is the state after a failed sync: data that counts as synced but is not.
type syncFailure struct {
	happened bool
	// last is the state at the sync before; nil if nothing had changed since.
	last *undo.Image
	// lost is what was written between the two syncs, and not written again later.
	lost extent.Set
}

// sync syncs the target, or fails because of sync-error.
func (v *Volume) sync(do func() syscall.Errno) syscall.Errno {
	if v.holds(fault.SyncError) && !v.failed.happened {
		v.failSync()
		return syscall.EIO
	}
	if errno := do(); errno != fs.OK {
		return errno
	}
	v.target.haveSynced()
	v.advance()
	return fs.OK
}

func (v *Volume) failSync() {
	size := v.target.size()
	v.failed = syncFailure{happened: true, last: v.target.history.Unsynced()}
	if v.failed.last != nil {
		v.failed.lost = v.failed.last.ChangedSince(size)
	}
	v.report(event.Event{Kind: event.SyncFailed, SizeBefore: size, SizeAfter: size, Ranges: v.failed.lost.Ranges()})
}

// written handles a write to the target. Data that is written again is synced next time.
func (v *Volume) written(r extent.Range) {
	v.target.lastWrite = r
	v.failed.lost.Remove(r)
}

// dropFailed removes the data of a failed sync. Its pages were marked clean: they were in the
// cache but never on the disk.
func (v *Volume) dropFailed() {
	lost := v.failed.lost.Ranges()
	if len(lost) == 0 || !v.holds(fault.SyncError) || !v.options.Fault.Values.True("drop") {
		return
	}
	v.failed.lost = extent.Set{}
	v.damage(event.Dropped, func(f *os.File, size int64) (change.Change, error) {
		return change.Change{Size: v.failed.sizeWithout(lost, size), Edits: v.failed.last.Restoring(lost)}, nil
	})
}

// sizeWithout returns the size of a file without the lost ranges. If the end of the file was
// lost, the file is shorter.
func (s syncFailure) sizeWithout(lost []extent.Range, size int64) int64 {
	last := lost[len(lost)-1]
	if last.End() < size {
		return size
	}
	return max(last.Offset, min(s.last.Size(), size))
}
