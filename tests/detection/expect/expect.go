// Package expect says what must be found of a damage, from what the filesystem
// says it did and from what had been acknowledged: by arithmetic alone, apart from
// the scanner and the judge that are put to the test.
package expect

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// Finding is a judge's finding without the words: its class and its records.
type Finding struct {
	Class       judge.Class
	Epoch       int
	First, Last uint64
}

// Of reduces a judge's findings to what is expected of them, in one order.
func Of(found []judge.Finding) []Finding {
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

// Damage is what was done to the first epoch's records, with which the file begins.
type Damage struct {
	event.Event
	// RecordSize is in bytes.
	RecordSize int64
	// Acknowledged are the last acknowledged sequence numbers of the epochs.
	Acknowledged []uint64
}

// Rule makes of a damage what must be found.
type Rule func(Damage) []Finding

// Nothing is expected of what touches no acknowledged record.
func Nothing(Damage) []Finding { return nil }

// All expects a class for everything that an epoch was told is safe.
func All(epoch int, class judge.Class) Rule {
	return func(d Damage) []Finding { return []Finding{{class, epoch, 1, d.Acknowledged[epoch-1]}} }
}

// Without expects a class that concerns no record.
func Without(class judge.Class) Rule {
	return func(Damage) []Finding { return []Finding{{Class: class}} }
}

// Tail expects the records beyond the file's new end: the first of them is torn
// where its beginning is left, the others are of a class.
func Tail(class judge.Class) Rule {
	return func(d Damage) []Finding {
		whole := uint64(d.SizeAfter / d.RecordSize)
		if d.SizeAfter%d.RecordSize == 0 {
			return d.records(class, whole+1, d.first())
		}
		torn := d.records(judge.Torn, whole+1, min(whole+1, d.first()))
		return append(torn, d.records(class, whole+2, d.first())...)
	}
}

// Bytes expects a class for the records that the damaged bytes are in.
func Bytes(class judge.Class) Rule {
	return func(d Damage) []Finding {
		if len(d.Ranges) == 0 {
			return nil
		}
		first, last := d.Ranges[0], d.Ranges[len(d.Ranges)-1]
		return d.touched(class, extent.Between(first.Offset, last.End()))
	}
}

// Page expects a class for the records of a page.
func Page(page int64, class judge.Class) Rule {
	return func(d Damage) []Finding {
		return d.touched(class, extent.Between(page*fault.PageSize, (page+1)*fault.PageSize))
	}
}

// Each expects what each of several rules does.
func Each(rules ...Rule) Rule {
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
	return d.records(class, first, min(last, d.first()))
}

// first is the first epoch's last acknowledged sequence number.
func (d Damage) first() uint64 { return d.Acknowledged[0] }

func (d Damage) records(class judge.Class, first, last uint64) []Finding {
	if first > last {
		return nil
	}
	return []Finding{{class, 1, first, last}}
}
