package pattern

import (
	"iter"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// mixed are the patterns of the operations of Mixed.
var mixed = [...]Name{Overwrite, Map, Replace, Create, Remove, Recycle}

// patternAt returns the write pattern of an operation. It differs from the pattern of the model only for Mixed. The
// choice is repeated after Objects operations, so that an operation removes or overwrites only what an operation of the
// same pattern has written.
func (m Model) patternAt(seq uint64) Name {
	if m.Pattern != Mixed {
		return m.Pattern
	}
	return m.mix(m.number(seq))
}

// PatternOf returns the write pattern of the operations on an object.
func (m Model) PatternOf(o journal.Object) Name {
	switch {
	case m.Pattern != Mixed:
		return m.Pattern
	case o.Epoch > 0:
		return m.patternAt(o.Number)
	default:
		return m.mix(o.Number)
	}
}

// IsSlot reports whether an object is a slot of a file or device. The others are files.
func (m Model) IsSlot(o journal.Object) bool { return m.PatternOf(o).WritesInPlace() }

// mix returns the pattern for a number below Objects. Of each group of adjacent numbers, each pattern has one.
func (m Model) mix(number uint64) Name {
	const n = uint64(len(mixed))
	order := &orders[scramble(m.seed+number/n)%uint64(len(orders))]
	return mixed[order[number%n]]
}

// orders are all orders of the patterns in mixed.
var orders = newOrders()

func newOrders() (all [6 * 5 * 4 * 3 * 2][len(mixed)]uint8) {
	for i := range all {
		all[i] = [...]uint8{0, 1, 2, 3, 4, 5}
		rest := i
		for last := len(mixed) - 1; last > 0; last-- {
			other := rest % (last + 1)
			rest /= last + 1
			all[i][last], all[i][other] = all[i][other], all[i][last]
		}
	}
	return all
}

// scramble returns a number of which each bit depends on all bits of x (SplitMix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// HasShared reports whether the model has objects that every epoch writes.
func (m Model) HasShared() bool { return m.Pattern.SharesObjects() || m.Pattern == Mixed }

// HasOwned reports whether the model has objects that belong to one operation.
func (m Model) HasOwned() bool { return !m.Pattern.SharesObjects() }

// CountShared returns how many of the first n operations of an epoch write objects that every epoch writes.
func (m Model) CountShared(n uint64) uint64 { return m.count(n, Name.SharesObjects) }

// CountRemoved returns how many objects the first n operations of an epoch remove or rename. The same operations wrote
// all of these objects.
func (m Model) CountRemoved(n uint64) uint64 {
	if n < m.Objects {
		return 0
	}
	return m.count(n-m.Objects, Name.EveryOperationRemoves)
}

// count returns how many of the first n operations of an epoch have a pattern with a property.
func (m Model) count(n uint64, has func(Name) bool) uint64 {
	if m.Pattern != Mixed {
		if has(m.Pattern) {
			return n
		}
		return 0
	}
	var round, rest uint64
	for seq := uint64(1); seq <= m.Objects; seq++ {
		if has(m.patternAt(seq)) {
			round++
			if seq <= n%m.Objects {
				rest++
			}
		}
	}
	return n/m.Objects*round + rest
}

// Operations returns the operations whose records a range has.
func (m Model) Operations(r journal.RecordRange) iter.Seq[journal.Point] {
	return func(yield func(journal.Point) bool) {
		for seq := r.First; seq <= r.Last; seq++ {
			if m.isIn(seq, r) && !yield(journal.Point{Epoch: r.Epoch, Seq: seq}) {
				return
			}
		}
	}
}

// isIn reports whether a range has the records of an operation's pattern.
func (m Model) isIn(seq uint64, r journal.RecordRange) bool {
	return r.Pattern == "" || string(m.patternAt(seq)) == r.Pattern
}

// follows reports whether a record is the next one after a range.
func (m Model) follows(p journal.Point, r journal.RecordRange) bool {
	if r.Epoch != p.Epoch || r.Pattern != m.rangePattern(p.Seq) {
		return false
	}
	next := r.Last + 1
	for next < p.Seq && !m.isIn(next, r) {
		next++
	}
	return next >= p.Seq
}

// rangePattern returns the pattern of a range that has an operation's record. It is empty if there is only one pattern.
func (m Model) rangePattern(seq uint64) string {
	if m.Pattern != Mixed {
		return ""
	}
	return string(m.patternAt(seq))
}
