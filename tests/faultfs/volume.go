// Package faultfs is a FUSE filesystem over a plain directory that damages data on
// purpose: one fault, on one file, at one moment. It passes every other operation on
// unchanged, so it can be used as real storage. It does not know the content of the file.
package faultfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// Options configures a mount.
type Options struct {
	// Dir is the directory that holds the data, Mountpoint where to mount it.
	Dir, Mountpoint string
	// File is the target's path below Dir, or a pattern (path/filepath.Match). The first file
	// that matches becomes the target, and the next one after it was removed.
	File  string
	Fault fault.Spec
	// Report is called with every event, one at a time and in order. Operations of the
	// filesystem wait meanwhile, so Report must not use the filesystem.
	Report func(event.Event)
}

// Volume is a mounted filesystem.
type Volume struct {
	options Options
	server  *fuse.Server
	served  sync.WaitGroup

	// mu makes every operation and every damage atomic. While it is held, nothing waits for
	// the kernel or for a timer.
	mu sync.Mutex
	// triggered is whether the fault's moment was reached, detaching whether the filesystem must
	// be unmounted as soon as mu is free, detached whether that is done.
	triggered, detaching, detached bool
	target                         target
	snapshot                       snapshot
	// unreadable is the range of a read error.
	unreadable unreadable
	failed     syncFailure
	// healed is closed when the fault ends. It releases all hanging calls.
	healed chan struct{}
	// waited is the number of calls on files that have waited for a lasting fault, or wait for it.
	waited int
}

// Problems returns everything that is wrong with the options, each with what is expected.
func (o Options) Problems() []error {
	var problems []error
	for _, dir := range []struct{ what, path string }{{"directory", o.Dir}, {"mount point", o.Mountpoint}} {
		if there, err := os.Stat(dir.path); err != nil || !there.IsDir() {
			problems = append(problems, fmt.Errorf("%s %q: want an existing directory", dir.what, dir.path))
		}
	}
	if isWithin(o.Dir, o.Mountpoint) || isWithin(o.Mountpoint, o.Dir) {
		problems = append(problems, fmt.Errorf("mount point %q: want one that neither contains nor hides the directory %q",
			o.Mountpoint, o.Dir))
	}
	if !filepath.IsLocal(o.File) || filepath.Clean(o.File) == "." {
		problems = append(problems, fmt.Errorf("file %q: want a path below the directory, such as logs.log", o.File))
	}
	if _, err := filepath.Match(o.File, ""); err != nil {
		problems = append(problems,
			fmt.Errorf("file %q: want a pattern such as volume-durability-*/logs.log: %w", o.File, err))
	}
	return problems
}

// isWithin reports whether a directory is another directory or below it. It returns false if
// one of them does not exist.
func isWithin(dir, other string) bool {
	real, errReal := filepath.EvalSymlinks(dir)
	otherReal, errOther := filepath.EvalSymlinks(other)
	if errReal != nil || errOther != nil {
		return false
	}
	absolute, errReal := filepath.Abs(real)
	otherAbsolute, errOther := filepath.Abs(otherReal)
	relative, err := filepath.Rel(otherAbsolute, absolute)
	return errors.Join(errReal, errOther, err) == nil && filepath.IsLocal(relative)
}

// Mount mounts a filesystem. The caller must close it.
func Mount(o Options) (*Volume, error) {
	if err := errors.Join(o.Problems()...); err != nil {
		return nil, err
	}
	dir, errDir := filepath.Abs(o.Dir)
	mountpoint, errMountpoint := filepath.Abs(o.Mountpoint)
	if err := errors.Join(errDir, errMountpoint); err != nil {
		return nil, err
	}
	o.Dir, o.Mountpoint, o.File = dir, mountpoint, filepath.Clean(o.File)
	v := &Volume{options: o, healed: make(chan struct{})}
	v.target = newTarget(dir, o.File, o.Fault)
	if err := v.serve(); err != nil {
		return nil, fmt.Errorf("mounting %s on %s: %w", o.Dir, o.Mountpoint, err)
	}
	v.locked(func() {
		v.report(event.Event{Kind: event.Mounted, Detail: fmt.Sprintf("%s on %s", o.Dir, o.Mountpoint)})
		if !o.Fault.None() {
			v.report(event.Event{Kind: event.Armed, Detail: "at " + o.Fault.At.String()})
		}
		v.advance()
	})
	return v, nil
}

func (v *Volume) serve() error {
	loopback, err := fs.NewLoopbackRoot(v.options.Dir)
	if err != nil {
		return err
	}
	root := &node{LoopbackNode: loopback.(*fs.LoopbackNode), volume: v}
	filesystem := fs.NewNodeFS(root, &fs.Options{NullPermissions: true})
	v.server, err = fuse.NewServer(filesystem, v.options.Mountpoint, &fuse.MountOptions{
		DirectMountStrict: true, AllowOther: true, FsName: "faultfs", Name: "faultfs",
		// The kernel checks permissions, because this process is root.
		Options: []string{"default_permissions"},
		// A write(2) of up to 1 MiB is one request.
		MaxWrite: 1 << 20,
		// With pass-through, the kernel would read and write the data directly.
		DisabledCapabilities: fuse.CAP_PASSTHROUGH,
		// Otherwise the kernel keeps the locks itself.
		EnableLocks: v.options.Fault.Values.Text("call") == fault.CallLock,
	})
	if err != nil {
		return err
	}
	v.served.Go(v.server.Serve)
	if err := v.server.WaitMount(); err != nil {
		return errors.Join(err, unmount(v.options.Mountpoint))
	}
	return nil
}

// locked calls a function while it holds mu, and then unmounts if the fault needs it. The
// kernel may send requests before it releases a mount, so mu must be free by then.
func (v *Volume) locked(do func()) {
	v.mu.Lock()
	do()
	detach := v.detaching
	v.detaching = false
	v.mu.Unlock()
	if detach {
		v.detach()
	}
}

// detach carries out the fault unmount. The mount leaves the mount table before the event is
// reported and before the operation that triggered the fault is answered. That operation
// keeps the filesystem in use until then, so detach must not wait for it to end.
func (v *Volume) detach() {
	err := unix.Unmount(v.options.Mountpoint, unix.MNT_DETACH)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.failure(fmt.Errorf("unmounting %s: %w", v.options.Mountpoint, err))
		return
	}
	v.detached = true
	size := v.target.size()
	v.report(event.Event{
		Kind: event.Fault, SizeBefore: size, SizeAfter: size, Detail: v.options.Mountpoint + " is no longer mounted",
	})
}

// report sets the fields that all events have, and reports the event.
func (v *Volume) report(e event.Event) {
	e.Time = time.Now().UTC()
	e.Fault, e.File = v.options.Fault.Fault.Name, v.options.File
	e.SyncedBytes = v.target.synced
	if e.Ranges == nil {
		e.Ranges = []extent.Range{}
	}
	if v.options.Report != nil {
		v.options.Report(e)
	}
}

// failure reports an error event.
func (v *Volume) failure(err error) {
	size := v.target.size()
	v.report(event.Event{Kind: event.Error, SizeBefore: size, SizeAfter: size, Detail: err.Error()})
}

// holds reports whether the mount has this fault, its moment was reached and it was not
// healed.
func (v *Volume) holds(name string) bool {
	return v.triggered && v.options.Fault.Fault.Name == name && !v.isHealed()
}

func (v *Volume) isHealed() bool {
	select {
	case <-v.healed:
		return true
	default:
		return false
	}
}

// Command runs a command, a line of the control file. An error is reported as an event.
func (v *Volume) Command(line string) {
	commands := map[string]func(){"now": v.now, "snapshot": v.takeSnapshot, "heal": v.heal}
	v.locked(func() {
		do, known := commands[strings.TrimSpace(line)]
		if !known {
			v.failure(fmt.Errorf("command %q: want now, heal or snapshot", line))
			return
		}
		do()
	})
}

func (v *Volume) now() {
	if v.options.Fault.None() {
		v.failure(errors.New("command now: there is no fault"))
		return
	}
	if v.triggered {
		v.failure(errors.New("command now: the fault has taken effect already"))
		return
	}
	v.trigger()
}

func (v *Volume) heal() {
	if !v.triggered || v.isHealed() {
		v.failure(errors.New("command heal: there is nothing to heal"))
		return
	}
	close(v.healed)
	size := v.target.size()
	v.report(event.Event{Kind: event.Healed, SizeBefore: size, SizeAfter: size})
}

// advance takes the snapshot and lets the fault take effect if their moments are reached.
func (v *Volume) advance() {
	spec := v.options.Fault
	if spec.None() {
		return
	}
	snapshotDue := func() bool { return spec.Values.Moment("snapshot").Reached(v.target.progress()) }
	if spec.Fault.Name == fault.RollBack && !v.snapshot.taken() && snapshotDue() {
		v.takeSnapshot()
	}
	if !v.triggered && spec.At.Reached(v.target.progress()) {
		v.trigger()
	}
}

// ErrInUse means that a filesystem is no longer in the mount table but still in use: after
// the fault unmount, or through a bind mount such as a container's. It is served until the
// process ends.
var ErrInUse = errors.New("still in use")

// Close releases all hanging calls, unmounts, and waits until the last request is answered.
// Processes with files open through the mount get errors. Close waits for other users of
// the filesystem until the context ends, and returns ErrInUse then.
func (v *Volume) Close(ctx context.Context) error {
	v.mu.Lock()
	if !v.isHealed() {
		close(v.healed)
	}
	detached := v.detached
	v.mu.Unlock()
	var err error
	if !detached {
		err = unmount(v.options.Mountpoint)
	}
	inUse := v.awaitServed(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err = errors.Join(err, v.snapshot.remove()); err != nil {
		v.failure(err)
		return err
	}
	last := event.Event{Kind: event.Unmounted}
	if inUse != nil {
		last.Detail = inUse.Error()
	}
	v.report(last)
	return inUse
}

// unmount unmounts a filesystem. If it is in use, unmount forces it, and waiting calls fail.
func unmount(mountpoint string) error {
	err := unix.Unmount(mountpoint, 0)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(mountpoint, unix.MNT_DETACH|unix.MNT_FORCE)
	}
	// EINVAL: it is unmounted already.
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmounting %s: %w", mountpoint, err)
	}
	return nil
}

func (v *Volume) awaitServed(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		v.served.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the filesystem of %s: %w", v.options.Mountpoint, ErrInUse)
	}
}

// refuseChange returns the error of every operation that changes something.
func (v *Volume) refuseChange() syscall.Errno {
	if v.holds(fault.ReadOnly) {
		return syscall.EROFS
	}
	return fs.OK
}

// refuseGrowth returns the error of every operation that also needs space.
func (v *Volume) refuseGrowth() syscall.Errno {
	if v.holds(fault.NoSpace) {
		return syscall.ENOSPC
	}
	return v.refuseChange()
}

// unsupported returns the error of a call that the filesystem does not support.
func (v *Volume) unsupported(call string) syscall.Errno {
	if values := v.options.Fault.Values; v.holds(fault.Unsupported) && values.Text("call") == call {
		return values.Errno("errno")
	}
	return fs.OK
}

// unsupportedOpen returns the error of opening a file with flags that the filesystem does not support.
func (v *Volume) unsupportedOpen(flags uint32) syscall.Errno {
	if flags&syscall.O_APPEND != 0 {
		if errno := v.unsupported(fault.CallAppend); errno != fs.OK {
			return errno
		}
	}
	if flags&syscall.O_DIRECT != 0 {
		return v.unsupported(fault.CallDirect)
	}
	return fs.OK
}

// openFlags returns the flags for the kernel when a file is opened. Without a page cache, it cannot share a map.
func (v *Volume) openFlags() uint32 {
	if v.unsupported(fault.CallMap) != fs.OK {
		return fuse.FOPEN_DIRECT_IO
	}
	return 0
}

// affects reports whether an open file is the target.
func (v *Volume) affects(h *handle) bool { return h.inode == v.target.inode }

// closed handles a flush: the user of a handle has closed it and waits for this call. Only a
// handle that was written to counts, because shells open files and close copies of the
// handle before the program writes.
func (v *Volume) closed(h *handle) {
	if !v.target.writers[h] {
		return
	}
	delete(v.target.writers, h)
	if !v.affects(h) || v.target.isBeingWritten() {
		return
	}
	v.target.closes++
	v.dropFailed()
	v.advance()
}
