// Package pattern describes the write patterns of a run: which object each operation of a writer writes or removes,
// and so what an acknowledgement guarantees. Its sub-packages slots, files and mixed do the
// operations, and objects reads the objects back.
//
// This package is pure. Which object an operation touches depends only on the journal's ID and on the epoch and
// sequence number of the operation. So the ledger needs no entry per object.
package pattern

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Name is the name of a write pattern.
type Name string

// The write patterns.
const (
	// Append appends records to one file. Package journal writes and scans it; it has no objects.
	Append Name = "append"
	// SyncWrite is Append with O_DSYNC instead of fdatasync.
	SyncWrite Name = "sync-write"
	// Overwrite overwrites the slots of a preallocated file or of a block device.
	Overwrite Name = "overwrite"
	// Map overwrites the slots of a file through a shared memory map.
	Map Name = "map"
	// Replace replaces files by renaming a new file over the old name.
	Replace Name = "replace"
	// Create creates files.
	Create Name = "create"
	// Remove creates files and removes the oldest ones.
	Remove Name = "remove"
	// Recycle renames the oldest file to a new name and overwrites it.
	Recycle Name = "recycle"
	// Mixed does operations of all patterns with objects in one folder.
	Mixed Name = "mixed"
)

// Description is what users read about a pattern, as sentences without capital and full stop.
type Description struct {
	Name Name
	// Operation is what one operation does.
	Operation string
	// Guarantee is what must be true after the operation was acknowledged.
	Guarantee string
	// Applications are programs that write in this way.
	Applications string
}

// descriptions has the only description of each pattern, in the order of the documentation.
var descriptions = []Description{
	{
		Append, "append a record, `fdatasync`",
		"all records are present, in order, once and intact",
		"logs that grow by appending, such as Prometheus' write-ahead log",
	},
	{
		SyncWrite, "append a record to a file that is open with `O_DSYNC`",
		"all records are present, in order, once and intact",
		"PostgreSQL with `wal_sync_method=open_datasync`",
	},
	{
		Overwrite, "write a slot of a preallocated file or of a block device in place, `fdatasync`",
		"each slot has the last acknowledged record, or a later one",
		"PostgreSQL's and InnoDB's data files, preallocated logs such as that of etcd",
	},
	{
		Map, "write a slot of a preallocated file through `mmap`, `msync(MS_SYNC)`",
		"each slot has the last acknowledged record, or a later one",
		"LMDB, databases with memory-mapped files",
	},
	{
		Replace, "write a temporary file, `fsync`, rename it over the name, `fsync` the folder",
		"each name leads to the last acknowledged record, or a later one, complete",
		"configuration files, checkpoints, state files",
	},
	{
		Create, "create a file, write it, `fsync`, `fsync` the folder",
		"each file is present and complete",
		"maildir, segments, objects",
	},
	{
		Remove, "create a file as `create` does; if the writer then has more than `WRITE_OBJECTS` files, remove its oldest " +
			"one; `fsync` the folder",
		"each removed file is absent, and each file that was not removed is present and complete",
		"mail queues, removed segments of logs",
	},
	{
		Recycle, "rename the oldest file to a new name, `fsync` the folder, overwrite the file in place, `fdatasync`",
		"the old name is absent, and the new name leads to the new record, complete",
		"recycled segments of write-ahead logs, as in PostgreSQL",
	},
	{
		Mixed, "an operation of `overwrite`, `map`, `replace`, `create`, `remove` or `recycle`, chosen at random",
		"all of the above, for the objects of each pattern",
		"several programs on one volume",
	},
}

// Descriptions returns the description of each pattern, in the order of the documentation.
func Descriptions() []Description { return slices.Clone(descriptions) }

// Names returns the names of all patterns, in the order of the documentation.
func Names() []Name {
	names := make([]Name, 0, len(descriptions))
	for _, d := range descriptions {
		names = append(names, d.Name)
	}
	return names
}

// String returns the name. An empty name is Append.
func (n Name) String() string {
	if n == "" {
		return string(Append)
	}
	return string(n)
}

// HasObjects reports whether the pattern writes objects. The others write one journal.
func (n Name) HasObjects() bool { return n.IsFolder() || n.WritesInPlace() }

// SupportsBlockDevice reports whether the pattern can write to a raw block device.
func (n Name) SupportsBlockDevice() bool { return n == Append || n == Overwrite }

// WritesInPlace reports whether an operation that was interrupted may leave an object that is written in part, although
// the object had a complete record before.
func (n Name) WritesInPlace() bool { return n == Overwrite || n == Map }

// SharesObjects reports whether every operation of this pattern writes one of the objects that all epochs share. It is
// false for Mixed, whose operations have patterns of their own.
func (n Name) SharesObjects() bool { return n == Overwrite || n == Map || n == Replace }

// EveryOperationRemoves reports whether every operation of this pattern, once there are enough objects, removes or
// renames an earlier one. It is false for Mixed, whose operations have patterns of their own; see SomeOperationsRemove.
func (n Name) EveryOperationRemoves() bool { return n == Remove || n == Recycle }

// IsFolder reports whether the objects are in a folder. The others are slots of one file or device.
func (n Name) IsFolder() bool {
	return n == Replace || n == Create || n == Remove || n == Recycle || n == Mixed
}

// Noun is the word for an object of the pattern.
func (n Name) Noun() string {
	switch {
	case n == Mixed:
		return "object"
	case n.IsFolder():
		return "file"
	default:
		return "slot"
	}
}

// limitsObjects reports whether the number of objects is limited: they are written in turn, or removed.
func (n Name) limitsObjects() bool { return n.SharesObjects() || n.SomeOperationsRemove() }

// SomeOperationsRemove reports whether some operations of the pattern remove or rename objects.
func (n Name) SomeOperationsRemove() bool { return n.EveryOperationRemoves() || n == Mixed }

// Limits of the number of objects. The option WRITE_OBJECTS has a higher minimum. The maximum limits the memory of the
// reader.
const (
	MinObjects = 1
	MaxObjects = 1 << 20
)

// Layout is what the writers and readers of a pattern must agree on, besides the journal's format.
type Layout struct {
	Pattern Name `json:"pattern"`
	// Objects is the number of objects that are written in turn. With remove and recycle, it is the number of files that
	// each writer keeps. With mixed, the same number is used for both. It is absent with create and with the patterns that
	// append.
	Objects uint64 `json:"objects,omitempty"`
}

// NewLayout returns the layout of a pattern. Objects is ignored for append, sync-write and create, which do not limit
// the number of objects.
func NewLayout(name Name, objects int) Layout {
	l := Layout{Pattern: name}
	if name.limitsObjects() {
		l.Objects = uint64(objects)
	}
	return l
}

// Flags returns the flags of the helper for the layout. There are none for append, which is the default.
func (l Layout) Flags() []string {
	if l.Pattern == Append || l.Pattern == "" {
		return nil
	}
	flags := []string{"--pattern", string(l.Pattern)}
	if l.Objects > 0 {
		flags = append(flags, "--objects", strconv.FormatUint(l.Objects, 10))
	}
	return flags
}

// Validate returns an error that joins all mistakes in the layout.
func (l Layout) Validate() error {
	if !slices.Contains(Names(), l.Pattern) {
		return fmt.Errorf("write pattern %q: want %s", l.Pattern, List(Names()))
	}
	needs := l.Pattern.limitsObjects()
	switch {
	case needs && (l.Objects < MinObjects || l.Objects > MaxObjects):
		return fmt.Errorf("%d objects of write pattern %s: want %d to %d", l.Objects, l.Pattern, MinObjects, MaxObjects)
	case !needs && l.Objects != 0:
		return fmt.Errorf("%d objects of write pattern %s: want none, it does not limit their number", l.Objects, l.Pattern)
	}
	return nil
}

// List returns names for a message, separated by commas.
func List(names []Name) string {
	var list []string
	for _, n := range names {
		list = append(list, string(n))
	}
	return strings.Join(list, ", ")
}

// errNoObjects is the error of a model for a pattern without objects.
var errNoObjects = errors.New("the write pattern has no objects")

// Model maps operations to objects.
type Model struct {
	Layout
	// step and start define the order in which the objects are written: a permutation that differs between
	// journals, so that consecutive operations write objects that are not adjacent.
	step, start uint64
	// reciprocal is 2^64 divided by Objects.
	reciprocal uint64
	// seed differs between journals.
	seed uint64
}

// NewModel returns the model of a journal's operations.
func NewModel(format journal.Format, layout Layout) (Model, error) {
	if err := errors.Join(format.Validate(), layout.Validate()); err != nil {
		return Model{}, err
	}
	if !layout.Pattern.HasObjects() {
		return Model{}, errNoObjects
	}
	m := Model{Layout: layout}
	m.seed = seedOf(format.ID)
	m.step, m.start = permutation(m.seed, layout.Objects)
	if layout.Objects > 0 {
		m.reciprocal = math.MaxUint64 / layout.Objects
	}
	return m, nil
}

// Written returns the object that an operation writes.
func (m Model) Written(op journal.Point) journal.Object {
	if m.patternAt(op.Seq).SharesObjects() {
		return journal.Object{Number: m.number(op.Seq)}
	}
	return journal.Object{Epoch: op.Epoch, Number: op.Seq}
}

// Removed returns the object that an operation removes, or renames to the object that it writes, if there is one.
func (m Model) Removed(op journal.Point) (journal.Object, bool) {
	if !m.patternAt(op.Seq).EveryOperationRemoves() || op.Seq <= m.Objects {
		return journal.Object{}, false
	}
	return journal.Object{Epoch: op.Epoch, Number: op.Seq - m.Objects}, true
}

// IsOlder reports whether a record is the earlier content of a recycled file, from before the file got the name of the
// object.
func (m Model) IsOlder(record journal.Point, o journal.Object) bool {
	return m.PatternOf(o) == Recycle && record.Epoch == o.Epoch && record.Seq < o.Number &&
		(o.Number-record.Seq)%m.Objects == 0
}

// number returns the number of the shared object that an operation writes.
func (m Model) number(seq uint64) uint64 { return m.modObjects(m.start + m.modObjects(seq-1)*m.step) }

// modObjects returns x modulo Objects, for x below 2^63. A multiplication with the reciprocal takes less time than a
// division; its quotient may be one too low.
func (m Model) modObjects(x uint64) uint64 {
	quotient, _ := bits.Mul64(x, m.reciprocal)
	rest := x - quotient*m.Objects
	if rest >= m.Objects {
		rest -= m.Objects
	}
	return rest
}

func seedOf(id string) (seed uint64) {
	for _, digit := range []byte(id) {
		seed = seed*31 + uint64(digit)
	}
	return seed
}

// permutation returns the parameters of the permutation position → (start + position·step) mod n. The step is near n
// times the golden ratio, so objects that are written one after the other are far apart.
func permutation(seed, n uint64) (step, start uint64) {
	if n == 0 {
		return 0, 0
	}
	step = n*618/1000 + seed%7
	for ; gcd(step, n) != 1; step++ {
	}
	return step, seed % n
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
