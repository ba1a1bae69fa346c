package faultfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/volume-durability/volume-durability/tests/faultfs/change"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// trigger lets the fault take effect, once.
func (v *Volume) trigger() {
	v.triggered = true
	spec := v.options.Fault
	switch {
	case spec.Fault.ChangesContent():
		v.damage(event.Fault, func(f *os.File, _ int64) (change.Change, error) { return spec.Change(v.target.view(f)) })
	case spec.Fault.Entry() != "":
		v.changeEntries()
	case spec.Fault.Name == fault.LoseFile:
		v.lose(func() error { return os.Remove(v.target.path) }, "the file was removed")
	case spec.Fault.Name == fault.EmptyDirectory:
		v.lose(func() error { return empty(v.options.Dir) }, "the directory is empty")
	case spec.Fault.Name == fault.RollBack:
		v.rollBack()
	case spec.Fault.Name == fault.ReadError:
		v.loseReadability()
	case spec.Fault.Name == fault.Unmount:
		v.detaching = true
	default:
		size := v.target.size()
		v.report(event.Event{Kind: event.Fault, SizeBefore: size, SizeAfter: size, Detail: "from now on"})
	}
}

// damage changes the target's content and reports exactly what changed.
func (v *Volume) damage(kind event.Kind, decide func(f *os.File, size int64) (change.Change, error)) {
	if err := v.changeContent(kind, decide); err != nil {
		v.failure(fmt.Errorf("nothing was damaged: %w", err))
	}
}

func (v *Volume) changeContent(kind event.Kind, decide func(f *os.File, size int64) (change.Change, error)) error {
	f, err := os.OpenFile(v.target.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size := v.target.size()
	what, err := decide(f, size)
	if err != nil {
		return err
	}
	ranges, err := what.Apply(f, size)
	if err != nil {
		return fmt.Errorf("partly changed: %w", err)
	}
	e := event.Event{Kind: kind, SizeBefore: size, SizeAfter: what.Size, Ranges: ranges}
	if len(ranges) == 0 {
		e.Detail = "no byte is different"
	}
	v.report(e)
	v.afterDamage()
	return nil
}

// afterDamage updates the state of the target.
func (v *Volume) afterDamage() {
	v.target.look()
	v.target.synced = min(v.target.synced, v.target.size())
}

// lose removes the target.
func (v *Volume) lose(do func() error, detail string) {
	size := v.target.size()
	if err := do(); err != nil {
		v.failure(fmt.Errorf("nothing was damaged, or only a part: %w", err))
		return
	}
	var whole extent.Set
	whole.Add(extent.Between(0, size))
	v.report(event.Event{Kind: event.Fault, SizeBefore: size, Ranges: whole.Ranges(), Detail: detail})
	v.afterDamage()
}

// empty removes everything in a directory.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var problems []error
	for _, entry := range entries {
		problems = append(problems, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	return errors.Join(problems...)
}

func (v *Volume) loseReadability() {
	view := v.target.view(nil)
	page, err := view.Page(v.options.Fault.Values.Number("page"))
	if err != nil {
		v.failure(fmt.Errorf("nothing was damaged: %w", err))
		return
	}
	v.unreadable = unreadable{page}
	v.report(event.Event{
		Kind: event.Fault, SizeBefore: view.Size, SizeAfter: view.Size,
		Ranges: []extent.Range{page}, Detail: "cannot be read from now on",
	})
}

// rollBack brings the whole directory back to the snapshot.
func (v *Volume) rollBack() {
	if !v.snapshot.taken() {
		v.failure(errors.New("nothing was damaged: no snapshot was taken"))
		return
	}
	size := v.target.size()
	ranges, err := v.rollBackTarget(size)
	if err == nil {
		err = v.snapshot.restore(v.options.Dir)
	}
	if err != nil {
		v.failure(fmt.Errorf("rolling back %s, possibly in part: %w", v.options.Dir, err))
		return
	}
	v.report(event.Event{
		Kind: event.Fault, SizeBefore: size, SizeAfter: v.target.size(), Ranges: ranges,
		Detail: "as it was when the snapshot was taken",
	})
	v.afterDamage()
}

// rollBackTarget rolls back the target's content to find out what differs. The content is
// empty if the target is not in the snapshot.
func (v *Volume) rollBackTarget(size int64) ([]extent.Range, error) {
	old, err := os.ReadFile(filepath.Join(v.snapshot.dir, v.target.relative()))
	// A folder has no content of its own.
	f, errOpen := os.OpenFile(v.target.path, os.O_RDWR, 0)
	if errors.Is(errOpen, os.ErrNotExist) || errors.Is(errOpen, syscall.EISDIR) {
		return nil, nil
	}
	if errOpen != nil {
		return nil, errOpen
	}
	defer f.Close()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return change.Change{Size: int64(len(old)), Edits: []change.Edit{{Data: old}}}.Apply(f, size)
}

func (v *Volume) takeSnapshot() {
	if v.options.Fault.Fault.Name != fault.RollBack {
		v.failure(errors.New("command snapshot: only roll-back needs one"))
		return
	}
	if err := v.snapshot.take(v.options.Dir); err != nil {
		v.failure(fmt.Errorf("taking a snapshot of %s: %w", v.options.Dir, err))
		return
	}
	size := v.target.size()
	v.report(event.Event{Kind: event.Snapshot, SizeBefore: size, SizeAfter: size})
}
