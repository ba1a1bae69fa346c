// Package faultfs is a FUSE filesystem over a plain directory that damages data
// on purpose: one fault, on one file, at one moment. It passes everything else on
// as it is, so it can be used as real storage. It knows nothing of who uses it,
// nor of what is in the file.
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

// Options is what to mount.
type Options struct {
	// Dir is the directory that holds the data, Mountpoint where it is to be seen.
	Dir, Mountpoint string
	// File is the target's path below Dir.
	File string
	// Fault is what is to go wrong.
	Fault fault.Spec
	// Report is given every event: one at a time, in order, while operations of the
	// filesystem wait. It must not use the filesystem.
	Report func(event.Event)
}

// Volume is a mounted filesystem.
type Volume struct {
	options Options
	server  *fuse.Server
	served  sync.WaitGroup

	// mu makes every operation that reads or changes something, and every damage, one
	// whole. Nothing waits for the kernel or for time while holding it.
	mu sync.Mutex
	// come says that the fault's moment has come, detaching that the filesystem is to
	// be unmounted as soon as mu is free, detached that it has been.
	come, detaching, detached bool
	target                    target
	snapshot                  snapshot
	// unreadable is the place of a read error.
	unreadable unreadable
	failed     syncFailure
	// healed is closed when behaviour ends and everything that hangs is let go.
	healed chan struct{}
}

// Problems says everything that is wrong with the options, each with what would
// be right.
func (o Options) Problems() []error {
	var problems []error
	for _, dir := range []struct{ what, path string }{{"directory", o.Dir}, {"mount point", o.Mountpoint}} {
		if there, err := os.Stat(dir.path); err != nil || !there.IsDir() {
			problems = append(problems, fmt.Errorf("%s %q: want a directory that is there", dir.what, dir.path))
		}
	}
	if isWithin(o.Dir, o.Mountpoint) || isWithin(o.Mountpoint, o.Dir) {
		problems = append(problems, fmt.Errorf("mount point %q: want one that neither holds nor hides the directory %q", o.Mountpoint, o.Dir))
	}
	if !filepath.IsLocal(o.File) || filepath.Clean(o.File) == "." {
		problems = append(problems, fmt.Errorf("file %q: want a path below the directory, such as logs.log", o.File))
	}
	return problems
}

// isWithin says whether a directory is another one or below it. Of one that is not
// there nothing is.
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

// Mount mounts a filesystem. It must be closed.
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
	v.target = newTarget(filepath.Join(dir, o.File), o.Fault)
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
	v.server, err = fuse.NewServer(fs.NewNodeFS(root, &fs.Options{NullPermissions: true}), v.options.Mountpoint, &fuse.MountOptions{
		DirectMountStrict: true, AllowOther: true, FsName: "faultfs", Name: "faultfs",
		// The kernel checks permissions: this process is root and would grant everything.
		Options: []string{"default_permissions"},
		// One request for one write(2) of up to a mebibyte, as far as the kernel will.
		MaxWrite: 1 << 20,
		// With pass-through the kernel would read and write the data without us.
		DisabledCapabilities: fuse.CAP_PASSTHROUGH,
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

// locked does something in one piece, then unmounts if that is what the fault is:
// the kernel may have requests for us before it lets go of a mount.
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

// detach unmounts as the fault. The mount is out of the mount table before it is
// reported, and before the operation that brought the moment is answered. That
// operation's file keeps the mount alive until then, so nothing here waits for it.
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
	v.report(event.Event{Kind: event.Fault, SizeBefore: size, SizeAfter: size, Detail: v.options.Mountpoint + " is not mounted any more"})
}

// report fills in what all events have in common.
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

// failure says that something has not been done.
func (v *Volume) failure(err error) {
	size := v.target.size()
	v.report(event.Event{Kind: event.Error, SizeBefore: size, SizeAfter: size, Detail: err.Error()})
}

// holds says whether the mount's fault is this one, its moment has come and it has
// not been healed.
func (v *Volume) holds(name string) bool {
	return v.come && v.options.Fault.Fault.Name == name && !v.isHealed()
}

func (v *Volume) isHealed() bool {
	select {
	case <-v.healed:
		return true
	default:
		return false
	}
}

// Command does what a line of the control file says. What cannot be done is
// reported as an error event.
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
	if v.come {
		v.failure(errors.New("command now: the moment has come already"))
		return
	}
	v.strike()
}

func (v *Volume) heal() {
	if !v.come || v.isHealed() {
		v.failure(errors.New("command heal: there is nothing to heal"))
		return
	}
	close(v.healed)
	size := v.target.size()
	v.report(event.Event{Kind: event.Healed, SizeBefore: size, SizeAfter: size})
}

// advance looks whether a moment has come.
func (v *Volume) advance() {
	spec := v.options.Fault
	if spec.None() {
		return
	}
	if spec.Fault.Name == fault.RollBack && !v.snapshot.taken() && spec.Values.Moment("snapshot").Reached(v.target.progress()) {
		v.takeSnapshot()
	}
	if !v.come && spec.At.Reached(v.target.progress()) {
		v.strike()
	}
}

// ErrInUse says that a filesystem is out of the mount table and still in use: after
// the fault unmount, or through a bind mount such as a container's. It is served on
// until the process ends.
var ErrInUse = errors.New("still in use")

// Close lets go of everything that hangs, unmounts, and waits until the last
// request has been answered. Who has files open through the mount is told that it
// is gone. Others who hold on to the filesystem are waited for until the context
// ends, which is ErrInUse.
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

// unmount unmounts; where the mount is in use it is taken away by force, and
// everything that waits for it fails.
func unmount(mountpoint string) error {
	err := unix.Unmount(mountpoint, 0)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(mountpoint, unix.MNT_DETACH|unix.MNT_FORCE)
	}
	// Somebody else may have unmounted it.
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

// refuseChange is what fails everything that would change something.
func (v *Volume) refuseChange() syscall.Errno {
	if v.holds(fault.ReadOnly) {
		return syscall.EROFS
	}
	return fs.OK
}

// refuseGrowth is what fails everything that needs room as well.
func (v *Volume) refuseGrowth() syscall.Errno {
	if v.holds(fault.NoSpace) {
		return syscall.ENOSPC
	}
	return v.refuseChange()
}

// affects says whether an open file is the target.
func (v *Volume) affects(h *handle) bool { return h.inode == v.target.inode }

// closed is told that a handle has been flushed: its user has closed it, and waits
// for this to return. A handle that was not written to is none of a writer: shells
// open files and close copies of the handle before the program writes.
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
