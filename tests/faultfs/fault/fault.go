// Package fault defines the faults that a mount can have, in one table: their names, their
// parameters, their effects, and the real failures that they simulate. It also computes
// how a fault changes the content of a file. It does not know how a filesystem is served.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one way to fail.
type Fault struct {
	Name       string
	Parameters []Parameter
	// Does is the effect of the fault.
	Does string
	// StandsFor is the real failure that the fault simulates.
	StandsFor string
	// content changes the target's content; nil for a fault with another effect.
	content content
	// entry is the kind of changes of directory entries that the fault concerns; empty for a fault with another effect.
	entry EntryChange
	// check validates parameters that depend on each other; nil if none do.
	check func(Values) error
}

// The faults that do more than change the target's content. The package that serves the
// filesystem implements them.
const (
	LoseUnsynced   = "lose-unsynced"
	LoseSynced     = "lose-synced"
	RollBack       = "roll-back"
	LoseFile       = "lose-file"
	EmptyDirectory = "empty-directory"
	ReadOnly       = "read-only"
	NoSpace        = "no-space"
	ReadError      = "read-error"
	SyncError      = "sync-error"
	Unmount        = "unmount"
	HangRead       = "hang-read"
	HangSync       = "hang-sync"
	SlowSync       = "slow-sync"
	Unsupported    = "unsupported"
	LoseCreate     = "lose-create"
	LoseRename     = "lose-rename"
	EmptyRename    = "empty-rename"
	BothNames      = "both-names"
	UndoUnlink     = "undo-unlink"
)

// EntryChange is a kind of change of a directory entry.
type EntryChange string

// The kinds of changes of directory entries.
const (
	Created EntryChange = "create"
	Renamed EntryChange = "rename"
	Removed EntryChange = "unlink"
)

// The calls that the fault Unsupported can fail.
const (
	CallAppend = "append"
	CallDirect = "direct"
	CallLock   = "lock"
	CallSync   = "sync"
	// CallSyncFolder is fsync(2) of a folder.
	CallSyncFolder = "sync-folder"
	// CallRenameOver is rename(2) to a name that exists.
	CallRenameOver = "rename-over"
	// CallUnlink is unlink(2).
	CallUnlink = "unlink"
	// CallMap is mmap(2) with MAP_SHARED.
	CallMap = "mmap"
)

// PageSize is the size in bytes of the pages that parameters refer to.
const PageSize = 4096

// Table returns all faults.
func Table() []Fault {
	page := place("page", "number of the page; negative numbers count from the end, -1 is the last whole page")
	to := place("to", "number of another page")
	return []Fault{
		{
			Name:      LoseUnsynced,
			Does:      "undoes all writes to the file since its last sync, including overwrites and changes of size",
			StandsFor: "a power failure with a disk that honours flushes",
			content:   loseUnsynced,
		}, {
			Name: LoseSynced,
			Parameters: []Parameter{
				optional(positive("last-bytes", "number of bytes to lose at the end of the synced data")),
				optional(positive("records", "number of records to lose at the end of the synced data")),
				optional(positive("record-size", "bytes per record")),
				optional(duration("age", "undo all writes within this time, such as 500ms")),
			},
			Does:      "undoes synced writes, and all writes since the last sync",
			StandsFor: "a disk or a hypervisor that acknowledges flushes without performing them",
			content:   loseSynced,
			check:     oneWayToLose,
		}, {
			Name:       "torn-write",
			Parameters: []Parameter{place("keep", "number of bytes of the last write to keep; negative numbers count from its end")},
			Does:       "truncates the file within the last write",
			StandsFor:  "a power failure in the middle of a write",
			content:    tornWrite,
		}, {
			Name: "bit-flip",
			Parameters: []Parameter{
				place("offset", "offset of the byte; negative offsets count from the end, -1 is the last byte"),
				bounded("bit", "number of the bit, 0 is the lowest", 0, 7),
				byDefault("1", positive("count", "number of bytes in which to flip it")),
				byDefault("512", positive("step", "distance in bytes between them")),
			},
			Does:      "flips one bit of each of these bytes",
			StandsFor: "bit rot, a bad cable, bad memory",
			content:   bitFlip,
		}, {
			Name:       "zero-page",
			Parameters: []Parameter{page},
			Does:       "fills the page with zeros",
			StandsFor:  "a lost write to an allocated block; a discarded block",
			content:    zeroPage,
		}, {
			Name:       "misdirected-page",
			Parameters: []Parameter{page, to},
			Does:       "moves the content of `page` to `to`, and fills `page` with zeros",
			StandsFor:  "a misdirected write by a disk or its controller",
			content:    misdirectedPage,
		}, {
			Name:       "swap-pages",
			Parameters: []Parameter{page, to},
			Does:       "swaps the content of the two pages",
			StandsFor:  "a wrong mapping of blocks",
			content:    swapPages,
		}, {
			Name:       "duplicate-page",
			Parameters: []Parameter{page, to},
			Does:       "copies the content of `page` to `to`",
			StandsFor:  "an error in deduplication or in a snapshot",
			content:    duplicatePage,
		}, {
			Name:       RollBack,
			Parameters: []Parameter{snapshotMoment("snapshot")},
			Does:       "restores the whole directory from the snapshot",
			StandsFor:  "a volume restored from an old snapshot; a stale replica that became the primary",
		}, {
			Name:       "truncate",
			Parameters: []Parameter{place("size", "size in bytes; a negative size is subtracted from the current size")},
			Does:       "truncates the file to the size",
			StandsFor:  "a filesystem check that cuts off data it cannot interpret",
			content:    truncate,
		}, {
			Name:      LoseFile,
			Does:      "removes the file",
			StandsFor: "a lost directory entry",
		}, {
			Name:      EmptyDirectory,
			Does:      "removes everything below the root of the mount",
			StandsFor: "a new volume in place of the old one; a wrong directory",
		}, {
			Name:       LoseCreate,
			Parameters: []Parameter{operations("created files to lose")},
			Does:       "removes files that were created in the folder",
			StandsFor:  "a directory entry that was lost although the folder was synced",
			entry:      Created,
		}, {
			Name:       LoseRename,
			Parameters: []Parameter{operations("renames to undo")},
			Does:       "undoes renames in the folder: the new name leads to the file that it led to before, or to none",
			StandsFor:  "a rename that was lost although the folder was synced",
			entry:      Renamed,
		}, {
			Name:       EmptyRename,
			Parameters: []Parameter{operations("renamed files to empty")},
			Does:       "empties files that were renamed in the folder",
			StandsFor:  "a filesystem that makes a rename durable before the data of the file",
			entry:      Renamed,
		}, {
			Name:       BothNames,
			Parameters: []Parameter{operations("renames to undo in part")},
			Does:       "adds the old names of files that were renamed in the folder: both names lead to the same file",
			StandsFor:  "a rename that was interrupted between its two steps",
			entry:      Renamed,
		}, {
			Name:       UndoUnlink,
			Parameters: []Parameter{operations("files to bring back")},
			Does:       "brings back files that were removed from the folder",
			StandsFor:  "a removal that was lost although the folder was synced",
			entry:      Removed,
		}, {
			Name:       "foreign-file",
			Parameters: []Parameter{existingFile("with", "path of the other file, without a comma")},
			Does:       "replaces the content of the file with that of another file",
			StandsFor:  "a wrong volume",
			content:    foreignFile,
		}, {
			Name:      ReadOnly,
			Does:      "fails every change in the whole filesystem with EROFS, including changes through open handles",
			StandsFor: "a filesystem that was remounted read-only after an error",
		}, {
			Name:      NoSpace,
			Does:      "fails everything that needs more space with ENOSPC, in the whole filesystem; files can still be overwritten and removed",
			StandsFor: "a full disk, a quota",
		}, {
			Name:       ReadError,
			Parameters: []Parameter{page},
			Does:       "fails every read of the page with EIO",
			StandsFor:  "an unreadable sector",
		}, {
			Name:       SyncError,
			Parameters: []Parameter{optional(truth("drop", "whether to drop the data", "true"))},
			Does: "fails the next sync of the file with EIO, and later ones succeed; when the last writing handle closes, it drops " +
				"the data that the failed sync left unsynced, except what was written again",
			StandsFor: "a failed writeback on Linux, which marks the pages clean and reports the error once",
		}, {
			Name:      Unmount,
			Does:      "unmounts the filesystem lazily: the mount point then shows the directory beneath it",
			StandsFor: "a volume that was detached while in use",
		}, {
			Name:      HangRead,
			Does:      "hangs every read of the file, even if it is interrupted",
			StandsFor: "a hung disk or network storage",
		}, {
			Name:      HangSync,
			Does:      "hangs every sync of the file, even if it is interrupted",
			StandsFor: "a hung disk or network storage",
		}, {
			Name:       SlowSync,
			Parameters: []Parameter{duration("delay", "additional time per sync, such as 2s")},
			Does:       "delays every sync of the file",
			StandsFor:  "an overloaded or throttled disk",
		}, {
			Name: Unsupported,
			Parameters: []Parameter{
				choice("call", "the call: `append` and `direct` are open(2) with O_APPEND and O_DIRECT, `sync` is fsync(2) and "+
					"fdatasync(2), `sync-folder` is fsync(2) of a folder, `rename-over` is rename(2) to a name that exists, `unlink` is "+
					"unlink(2), `mmap` is mmap(2) with MAP_SHARED, whose error is always ENODEV, `lock` is flock(2) and fcntl(2)",
					CallAppend, CallDirect, CallSync, CallSyncFolder, CallRenameOver, CallUnlink, CallMap, CallLock),
				errno("errno", "the error: `EINVAL`, `ENOTSUP`, `EPERM` or `ENOLCK`", "EINVAL"),
			},
			Does:      "fails every such call in the whole filesystem",
			StandsFor: "a filesystem that does not support the call, such as that of an object store",
		},
	}
}

// ChangesContent reports whether the fault only changes the target's content.
func (f Fault) ChangesContent() bool { return f.content != nil }

// Entry returns the kind of changes of directory entries that the fault concerns; empty if its target is a file.
func (f Fault) Entry() EntryChange { return f.entry }

// Spec is a fault with its parameters and its moment.
type Spec struct {
	Fault  Fault
	Values Values
	At     Moment
}

// None reports whether the mount has no fault.
func (s Spec) None() bool { return s.Fault.Name == "" }

// Parse parses a fault, such as "bit-flip:offset=-100,bit=3", and its moment, such as
// "close=2". The error contains all mistakes, each with the value and what is expected.
func Parse(text, at string) (Spec, error) {
	if text == "" {
		return Spec{}, nil
	}
	name, parameters, _ := strings.Cut(text, ":")
	fault, errFault := find(name)
	moment, errMoment := ParseMoment(at)
	if errFault != nil {
		return Spec{}, errors.Join(errFault, errMoment)
	}
	values, errValues := fault.values(parameters)
	return Spec{Fault: fault, Values: values, At: moment}, errors.Join(errMoment, errValues)
}

func find(name string) (Fault, error) {
	table := Table()
	at := slices.IndexFunc(table, func(f Fault) bool { return f.Name == name })
	if at < 0 {
		var names []string
		for _, f := range table {
			names = append(names, f.Name)
		}
		return Fault{}, fmt.Errorf("fault %q: want one of %s", name, strings.Join(names, ", "))
	}
	return table[at], nil
}

// values parses parameters, such as "offset=-100,bit=3".
func (f Fault) values(text string) (Values, error) {
	values := Values{}
	var problems []error
	for given := range strings.SplitSeq(text, ",") {
		if given == "" {
			continue
		}
		problems = append(problems, f.set(values, given))
	}
	for _, p := range f.Parameters {
		problems = append(problems, p.complete(values, f.Name))
	}
	if err := errors.Join(problems...); err != nil || f.check == nil {
		return values, err
	}
	return values, f.check(values)
}

func (f Fault) set(values Values, given string) error {
	name, text, _ := strings.Cut(given, "=")
	at := slices.IndexFunc(f.Parameters, func(p Parameter) bool { return p.Name == name })
	if at < 0 {
		return fmt.Errorf("parameter %q of %s: want %s", given, f.Name, f.usage())
	}
	value, err := f.Parameters[at].parse(text)
	if err != nil {
		// It counts as given, so that it is not reported as missing too.
		values[name] = nil
		return fmt.Errorf("parameter %q of %s: %w", given, f.Name, err)
	}
	values[name] = value
	return nil
}

// usage returns the parameters of a fault as text.
func (f Fault) usage() string {
	if len(f.Parameters) == 0 {
		return "none"
	}
	var names []string
	for _, p := range f.Parameters {
		names = append(names, p.Name+"=…")
	}
	return strings.Join(names, ", ")
}
