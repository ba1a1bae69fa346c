// Package expect computes the expected findings of a damage from the filesystem's own
// report and from the acknowledgements. It uses arithmetic only, not the scanner or the
// judge, because these are under test.
package expect

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// Finding is the class and the records of a judge's finding.
type Finding struct {
	Class       judge.Class
	Epoch       int
	First, Last uint64
}

// Reduce returns the class and the records of a judge's findings, sorted.
func Reduce(found []judge.Finding) []Finding {
	reduced := make([]Finding, 0, len(found))
	for _, f := range found {
		reduced = append(reduced, Finding{f.Class, f.Epoch, f.First, f.Last})
	}
	return sorted(reduced)
}

func sorted(all []Finding) []Finding {
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.First, b.First), cmp.Compare(a.Class, b.Class))
	})
	return all
}

// Damage describes the damage to the records of the first epoch, with which the file begins.
type Damage struct {
	event.Event
	// RecordSize is in bytes.
	RecordSize int64
	// Acknowledged are the last acknowledged sequence numbers of the epochs.
	Acknowledged []uint64
}

// Rule returns the expected findings of a damage.
type Rule func(Damage) []Finding

// NoFinding expects no finding: the damage touches no acknowledged record.
func NoFinding(Damage) []Finding { return nil }

// AllRecords expects a class for all acknowledged records of an epoch.
func AllRecords(epoch int, class judge.Class) Rule {
	return func(d Damage) []Finding { return []Finding{{class, epoch, 1, d.Acknowledged[epoch-1]}} }
}

// Classes returns the classes of findings, each once and without records, sorted. Slots are compared in this way: which
// record a slot must have is computed by the code under test.
func Classes(found []Finding) []Finding {
	classes := make([]Finding, 0, len(found))
	for _, f := range found {
		classes = append(classes, Finding{Class: f.Class})
	}
	return slices.Compact(sorted(classes))
}

// NoRecords expects a class that names no records.
func NoRecords(class judge.Class) Rule {
	return func(Damage) []Finding { return []Finding{{Class: class}} }
}

// Tail expects the records beyond the file's new end. The first of them is torn if its
// beginning remains; the others have the class.
func Tail(class judge.Class) Rule {
	return func(d Damage) []Finding {
		whole := uint64(d.SizeAfter / d.RecordSize)
		if d.SizeAfter%d.RecordSize == 0 {
			return d.records(class, whole+1, d.lastOfFirstEpoch())
		}
		torn := d.records(judge.Torn, whole+1, min(whole+1, d.lastOfFirstEpoch()))
		return append(torn, d.records(class, whole+2, d.lastOfFirstEpoch())...)
	}
}

// Bytes expects a class for the records that contain damaged bytes.
func Bytes(class judge.Class) Rule {
	return func(d Damage) []Finding {
		if len(d.Ranges) == 0 {
			return nil
		}
		first, last := d.Ranges[0], d.Ranges[len(d.Ranges)-1]
		return d.touched(class, extent.Between(first.Offset, last.End()))
	}
}

// LastRecords expects a class for the last acknowledged records of the first epoch.
func LastRecords(n uint64, class judge.Class) Rule {
	return func(d Damage) []Finding {
		last := d.lastOfFirstEpoch()
		return d.records(class, last+1-min(n, last), last)
	}
}

// Page expects a class for the records that a page touches.
func Page(page int64, class judge.Class) Rule {
	return func(d Damage) []Finding {
		return d.touched(class, extent.Between(page*fault.PageSize, (page+1)*fault.PageSize))
	}
}

// Combine expects the findings of all rules.
func Combine(rules ...Rule) Rule {
	return func(d Damage) []Finding {
		var all []Finding
		for _, rule := range rules {
			all = append(all, rule(d)...)
		}
		return sorted(all)
	}
}

// touched expects a class for the records that a range of bytes touches.
func (d Damage) touched(class judge.Class, r extent.Range) []Finding {
	first, last := uint64(r.Offset/d.RecordSize)+1, uint64((r.End()-1)/d.RecordSize)+1
	return d.records(class, first, min(last, d.lastOfFirstEpoch()))
}

// lastOfFirstEpoch is the last acknowledged sequence number of the first epoch.
func (d Damage) lastOfFirstEpoch() uint64 { return d.Acknowledged[0] }

func (d Damage) records(class judge.Class, first, last uint64) []Finding {
	if first > last {
		return nil
	}
	return []Finding{{class, 1, first, last}}
}
