package faultfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	gofs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// entryHistory has the changes of the entries of the target, which is a folder.
type entryHistory struct {
	// kind is the kind of changes that the fault concerns; empty if it needs no history.
	kind fault.EntryChange
	// keep is how many synced changes of that kind the fault needs.
	keep int
	// durable are the last synced changes of that kind, recent those after the last sync.
	durable, recent []entryChange
	// counts are the synced changes, unsynced those after the last sync, by their kind.
	counts, unsynced map[fault.EntryChange]int64
	// lists is how often the folder was listed.
	lists int64
}

// entryChange is what is needed to damage one entry.
type entryChange struct {
	// name is the path of the entry in the directory that holds the data, from its path before a rename.
	name, from string
	// old is the file that a rename replaced or that was removed; nil if there was none.
	old *savedFile
}

// savedFile is a file that no longer has a name.
type savedFile struct {
	content []byte
	info    fs.FileInfo
}

// add adds a change that is not synced yet.
func (h *entryHistory) add(kind fault.EntryChange, c entryChange) {
	if h.unsynced == nil {
		h.unsynced, h.counts = map[fault.EntryChange]int64{}, map[fault.EntryChange]int64{}
	}
	h.unsynced[kind]++
	if kind == h.kind {
		h.recent = append(h.recent, c)
	}
}

// synced handles a sync of the folder.
func (h *entryHistory) synced() {
	for kind, n := range h.unsynced {
		h.counts[kind] += n
	}
	clear(h.unsynced)
	h.durable = append(h.durable, h.recent...)
	h.durable = slices.Clone(h.durable[max(0, len(h.durable)-h.keep):])
	h.recent = nil
}

// last returns the changes that the fault damages, the last one first.
func (h *entryHistory) last() []entryChange {
	all := append(slices.Clone(h.durable), h.recent...)
	slices.Reverse(all)
	return all
}

// entryChange saves what a change of an entry needs. The result records the change after it was made.
func (n *node) entryChange(kind fault.EntryChange, name string) (record func()) {
	return n.volume.beforeEntry(n.StableAttr().Ino, kind, name, "")
}

// rename is entryChange for a rename.
func (n *node) rename(name string, parent gofs.InodeEmbedder, newName string, flags uint32) (record func()) {
	to, isNode := parent.(*node)
	if !isNode || flags&^unixRenameNoReplace != 0 { // an exchange replaces nothing
		return func() {}
	}
	from := filepath.Join(n.volume.options.Dir, n.Path(n.Root()), name)
	return n.volume.beforeEntry(to.StableAttr().Ino, fault.Renamed, newName, from)
}

// unsupportedRename returns the error of a rename that the filesystem does not support.
func (n *node) unsupportedRename(parent gofs.InodeEmbedder, newName string) syscall.Errno {
	to, isNode := parent.(*node)
	if !isNode {
		return gofs.OK
	}
	path := filepath.Join(n.volume.options.Dir, to.Path(to.Root()), newName)
	if _, err := os.Lstat(path); err != nil {
		return gofs.OK
	}
	return n.volume.unsupported(fault.CallRenameOver)
}

const unixRenameNoReplace = 1 // RENAME_NOREPLACE of renameat2(2)

// beforeEntry saves the file with a name in a folder, if the folder is the target and the fault needs it.
func (v *Volume) beforeEntry(folder uint64, kind fault.EntryChange, name, from string) (record func()) {
	if !v.isTargetFolder(folder) {
		return func() {}
	}
	c := entryChange{name: filepath.Join(v.target.path, name), from: from}
	if kind == v.target.entries.kind {
		var err error
		if c.old, err = saveFile(c.name); err != nil {
			v.failure(fmt.Errorf("saving a file before its entry changes: %w", err))
		}
	}
	return func() { v.target.entries.add(kind, c) }
}

// saveFile returns a regular file, or nil if there is none.
func saveFile(path string) (*savedFile, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	return &savedFile{content, info}, err
}

// restore creates the file again.
func (s *savedFile) restore(path string) error {
	if err := os.WriteFile(path, s.content, 0o600); err != nil {
		return err
	}
	return copyAttributes(path, s.info)
}

// changeEntries damages the last changes of the target's entries.
func (v *Volume) changeEntries() {
	if !v.target.isFolder {
		v.failure(errors.New("nothing was damaged: the target is not a folder"))
		return
	}
	var damaged []string
	for _, c := range v.target.entries.last() {
		done, err := c.damage(v.options.Fault.Fault.Name)
		if err != nil {
			v.failure(fmt.Errorf("damaging %s: %w", c.name, err))
			return
		}
		if done {
			damaged = append(damaged, filepath.Base(c.name))
		}
	}
	if damaged == nil {
		v.failure(fmt.Errorf("nothing was damaged: no file was affected by %s of an entry in the folder",
			v.options.Fault.Fault.Entry()))
		return
	}
	v.report(event.Event{Kind: event.Fault, Detail: strings.Join(damaged, ", ")})
}

// damage damages one entry, and reports whether it changed something.
func (c entryChange) damage(name string) (done bool, err error) {
	if _, err := os.Lstat(c.name); name != fault.UndoUnlink && errors.Is(err, fs.ErrNotExist) {
		return false, nil // it has another name by now
	}
	switch name {
	case fault.LoseCreate:
		return true, os.Remove(c.name)
	case fault.LoseRename:
		return true, c.undoRename()
	case fault.EmptyRename:
		return true, os.Truncate(c.name, 0)
	case fault.BothNames:
		err := os.Link(c.name, c.from)
		if errors.Is(err, fs.ErrExist) { // the old name has another file by now
			return false, nil
		}
		return true, err
	default:
		return c.undoUnlink()
	}
}

// undoRename undoes a rename. The old name may have another file by now, which stays.
func (c entryChange) undoRename() error {
	err := os.Link(c.name, c.from)
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	if err := os.Remove(c.name); err != nil || c.old == nil {
		return err
	}
	return c.old.restore(c.name)
}

// undoUnlink restores a removed file, unless its name has another file by now.
func (c entryChange) undoUnlink() (done bool, err error) {
	if _, err := os.Lstat(c.name); c.old == nil || err == nil {
		return false, nil
	}
	return true, c.old.restore(c.name)
}
