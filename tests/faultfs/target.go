package faultfs

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
	"github.com/volume-durability/volume-durability/tests/faultfs/undo"
)

// target is the file of the fault, and its history.
type target struct {
	// path is its path in the directory that holds the data.
	path string
	// dir is that directory, and pattern a pattern of paths below it. The path is that of the
	// first file that matched, or the pattern itself.
	dir, pattern string
	// inode is its inode there; 0 if it does not exist. A file that is renamed to the
	// target's name becomes the target, and handles of the old file no longer count.
	inode uint64
	// synced is how many bytes from its beginning were acknowledged as synced.
	synced        int64
	syncs, closes int64
	lastWrite     extent.Range
	history       undo.History
	// remembers is whether the fault needs the history.
	remembers bool
	// writers are the handles, of all files, that were written to and not closed since.
	writers map[*handle]bool
	// isFolder is whether the target is a folder; entries are then the changes of its entries.
	isFolder bool
	entries  entryHistory
}

func newTarget(dir, pattern string, spec fault.Spec) target {
	t := target{path: filepath.Join(dir, pattern), dir: dir, pattern: pattern, writers: map[*handle]bool{}}
	t.entries.kind, t.entries.keep = spec.Fault.Entry(), int(spec.Values.Number("count"))
	t.history.Keep = spec.Values.Duration("age")
	switch spec.Fault.Name {
	case fault.LoseUnsynced, fault.LoseSynced, fault.SyncError:
		t.remembers = true
	}
	t.look()
	return t
}

// look checks whether the target has become another file.
func (t *target) look() {
	t.match()
	st := t.stat()
	if st.Ino == t.inode {
		return
	}
	t.inode, t.isFolder = st.Ino, st.Mode&syscall.S_IFMT == syscall.S_IFDIR
	t.lastWrite = extent.Range{}
	t.begin()
}

// match looks for a file that the pattern matches, if there is no target.
func (t *target) match() {
	if _, err := os.Lstat(t.path); err == nil {
		return
	}
	// The only possible error is a bad pattern, which Options.Problems reports.
	if found, _ := fs.Glob(os.DirFS(t.dir), t.pattern); len(found) > 0 {
		t.path = filepath.Join(t.dir, found[0])
	}
}

// begin treats the content of the file as synced.
func (t *target) begin() {
	t.history.Forget()
	t.synced = t.size()
}

// relative returns the target's path below the directory.
func (t *target) relative() string {
	if path, err := filepath.Rel(t.dir, t.path); err == nil {
		return path
	}
	return t.pattern
}

func (t *target) stat() syscall.Stat_t {
	var st syscall.Stat_t
	if err := syscall.Lstat(t.path, &st); err != nil {
		return syscall.Stat_t{}
	}
	return st
}

// size returns the size of the target in bytes; 0 for a folder.
func (t *target) size() int64 {
	st := t.stat()
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return 0
	}
	return st.Size
}

func (t *target) progress() fault.Progress {
	e := t.entries
	return fault.Progress{
		Closes: t.closes, Syncs: t.syncs, SyncedBytes: t.synced,
		Creates: e.counts[fault.Created], Renames: e.counts[fault.Renamed], Unlinks: e.counts[fault.Removed], Lists: e.lists,
	}
}

func (t *target) isBeingWritten() bool {
	for h := range t.writers {
		if h.inode == t.inode {
			return true
		}
	}
	return false
}

// before saves what is needed to undo a change of a range.
func (t *target) before(r extent.Range) error {
	if !t.remembers {
		return nil
	}
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.history.Before(time.Now(), t.size(), r, f)
}

func (t *target) haveSynced() {
	t.syncs++
	t.synced = t.size()
	t.history.Synced(time.Now())
}

func (t *target) view(content io.ReaderAt) fault.View {
	return fault.View{
		Content: content, Size: t.size(), LastWrite: t.lastWrite, Unsynced: t.history.Unsynced(),
		Since: func(age time.Duration) *undo.Image { return t.history.Since(time.Now().Add(-age)) },
	}
}
