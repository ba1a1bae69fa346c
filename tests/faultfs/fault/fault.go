// Package fault is the faults that a mount can have, in one table: their names,
// their parameters, what they do and which real failure they stand for. What they
// do to the content of a file is here too, as a function of what the file is. It
// does not know how a filesystem is served.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one way to fail.
type Fault struct {
	// Name is what a user calls it.
	Name string
	// Parameters are what it needs to be told.
	Parameters []Parameter
	// Does is what it does to the data.
	Does string
	// StandsFor is the real failure.
	StandsFor string
	// content is what becomes of the target's content; nil for a fault that is
	// something else than a change of content.
	content content
	// check is what must hold between parameters; nil where nothing must.
	check func(Values) error
}

// The faults that are more than a change of the target's content. Whoever serves
// the filesystem must know them.
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
)

// PageSize is the size of the pages that parameters count in, in bytes.
const PageSize = 4096

// Table is every fault.
func Table() []Fault {
	page := place("page", "the page; negative from the end, -1 is the last whole one")
	to := place("to", "another page, counted alike")
	return []Fault{
		{
			Name:      LoseUnsynced,
			Does:      "everything written to the file since its last sync is undone, its size and what was overwritten",
			StandsFor: "a power failure under an honest disk",
			content:   loseUnsynced,
		}, {
			Name: LoseSynced,
			Parameters: []Parameter{
				optional(positive("last-bytes", "so many bytes at the end of the synced data are lost")),
				optional(positive("records", "so many records at the end of the synced data are lost")),
				optional(positive("record-size", "bytes a record")),
				optional(duration("age", "everything written within this time is undone, such as 500ms")),
			},
			Does:      "data that a sync had promised is undone as well; what was never synced goes with it",
			StandsFor: "a disk or a hypervisor that acknowledges flushes and does not do them",
			content:   loseSynced,
			check:     oneWayToLose,
		}, {
			Name:       "torn-write",
			Parameters: []Parameter{place("keep", "bytes of the last write that stay; negative from its end")},
			Does:       "the file ends within the last write",
			StandsFor:  "a power failure in the middle of a write",
			content:    tornWrite,
		}, {
			Name: "bit-flip",
			Parameters: []Parameter{
				place("offset", "the byte's offset; negative from the end, -1 is the last one"),
				bounded("bit", "the bit of the byte, 0 is the lowest", 0, 7),
			},
			Does:      "one bit is turned over",
			StandsFor: "bit rot, a bad cable, bad memory",
			content:   bitFlip,
		}, {
			Name:       "zero-page",
			Parameters: []Parameter{page},
			Does:       "the page holds zeros",
			StandsFor:  "a lost write to a block that was allocated; a discarded block",
			content:    zeroPage,
		}, {
			Name:       "misdirected-page",
			Parameters: []Parameter{page, to},
			Does:       "what stood on `page` stands on `to`; `page` holds zeros, as if it was never written",
			StandsFor:  "a misdirected write of a disk or of its controller",
			content:    misdirectedPage,
		}, {
			Name:       "swap-pages",
			Parameters: []Parameter{page, to},
			Does:       "the two pages have changed places",
			StandsFor:  "a mapping of blocks that went wrong",
			content:    swapPages,
		}, {
			Name:       "duplicate-page",
			Parameters: []Parameter{page, to},
			Does:       "what stands on `page` also stands on `to`",
			StandsFor:  "a deduplication or a snapshot that went wrong",
			content:    duplicatePage,
		}, {
			Name:       RollBack,
			Parameters: []Parameter{snapshotMoment("snapshot")},
			Does:       "the whole directory is again what it was when the snapshot was taken",
			StandsFor:  "a volume restored from an old snapshot, a stale replica that became the primary",
		}, {
			Name:       "truncate",
			Parameters: []Parameter{place("size", "the size in bytes; negative, so much less than it is")},
			Does:       "the file ends there",
			StandsFor:  "a repair that cuts off what it cannot explain",
			content:    truncate,
		}, {
			Name:      LoseFile,
			Does:      "the file is gone",
			StandsFor: "a lost directory entry",
		}, {
			Name:      EmptyDirectory,
			Does:      "everything below the mount's root is gone",
			StandsFor: "a fresh volume instead of the old one, a wrong directory",
		}, {
			Name:       "foreign-file",
			Parameters: []Parameter{existingFile("with", "the file whose content it is; no comma in its name")},
			Does:       "the file has the content of another one",
			StandsFor:  "the volume of somebody else",
			content:    foreignFile,
		}, {
			Name:      ReadOnly,
			Does:      "everything that would change something fails with EROFS, in the whole filesystem, also through handles that are open",
			StandsFor: "a filesystem that was remounted read-only after an error",
		}, {
			Name:      NoSpace,
			Does:      "everything that needs more room fails with ENOSPC, in the whole filesystem; what is there can be overwritten and removed",
			StandsFor: "a full disk, a quota",
		}, {
			Name:       ReadError,
			Parameters: []Parameter{page},
			Does:       "every read that touches the page fails with EIO",
			StandsFor:  "an unreadable sector",
		}, {
			Name:       SyncError,
			Parameters: []Parameter{optional(truth("drop", "whether the data is dropped", "true"))},
			Does: "the next sync of the file fails once with EIO, later ones succeed; what was not synced then is dropped when the last writing handle closes, " +
				"but for what was written anew",
			StandsFor: "a failed writeback on Linux, which marks the pages clean and tells once",
		}, {
			Name:      Unmount,
			Does:      "the filesystem is unmounted lazily: who opens the mount point now finds the directory beneath",
			StandsFor: "a volume that was detached under the node's feet",
		}, {
			Name:      HangRead,
			Does:      "reads of the file are never answered, not even when interrupted",
			StandsFor: "a hung disk or network storage",
		}, {
			Name:      HangSync,
			Does:      "syncs of the file are never answered, not even when interrupted",
			StandsFor: "a hung disk or network storage",
		}, {
			Name:       SlowSync,
			Parameters: []Parameter{duration("delay", "how much longer a sync takes, such as 2s")},
			Does:       "every sync of the file takes longer",
			StandsFor:  "an overloaded or throttled disk",
		},
	}
}

// ChangesContent says whether the fault is a change of the target's content and
// of nothing else.
func (f Fault) ChangesContent() bool { return f.content != nil }

// Spec is what a mount's fault is to do, and when.
type Spec struct {
	Fault  Fault
	Values Values
	At     Moment
}

// None says that the mount has no fault.
func (s Spec) None() bool { return s.Fault.Name == "" }

// Parse reads a fault, as "bit-flip:offset=-100,bit=3", and its moment, as
// "close=2". It reports everything that is wrong, each with the value and what
// would be right.
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

// values reads parameters, as "offset=-100,bit=3".
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
		// It counts as given: that it is missing too would be no news.
		values[name] = nil
		return fmt.Errorf("parameter %q of %s: %w", given, f.Name, err)
	}
	values[name] = value
	return nil
}

// usage is what parameters a fault takes, in words.
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
