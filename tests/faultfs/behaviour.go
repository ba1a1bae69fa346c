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

// unreadable is a place that cannot be read.
type unreadable struct{ extent.Range }

func (v *Volume) isUnreadable(h *handle, r extent.Range) bool {
	return v.holds(fault.ReadError) && v.affects(h) && v.unreadable.Overlaps(r)
}

// syncFailure is what a failed sync has left behind: data that counts as synced
// from then on and is not.
type syncFailure struct {
	happened bool
	// last is the state at the sync before, nil where nothing had changed since.
	last *undo.Image
	// lost is what had been written since, and not again.
	lost extent.Set
}

// sync syncs the target, or fails.
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

// written is told of every write to the target. What is written anew is synced the
// next time.
func (v *Volume) written(r extent.Range) {
	v.target.lastWrite = r
	v.failed.lost.Remove(r)
}

// dropFailed takes away what a failed sync has left behind. Its pages were marked
// clean: the cache still showed them, the disk never had them.
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

// sizeWithout is the size of a file without what was lost: where that was its end,
// the file had never grown so far.
func (s syncFailure) sizeWithout(lost []extent.Range, size int64) int64 {
	last := lost[len(lost)-1]
	if last.End() < size {
		return size
	}
	return max(last.Offset, min(s.last.Size(), size))
}
