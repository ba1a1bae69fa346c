package judge

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// recordRange is a range of acknowledged records that are present, and the segment that holds them.
type recordRange struct {
	first, last uint64
	segment     journal.Segment
}

// findPresent returns the acknowledged records of an epoch that are present, sorted by
// sequence number, and reports those that are present more than once. Of two copies it
// returns the one at the offset that its records name.
func (e *evaluation) findPresent(ack ledger.Ack, segments []journal.Segment) []recordRange {
	byPlace := slices.Clone(segments)
	slices.SortStableFunc(byPlace, func(a, b journal.Segment) int {
		return cmp.Compare(min(a.Displaced, 1), min(b.Displaced, 1))
	})
	var present []recordRange
	for _, s := range byPlace {
		last := min(s.Last, ack.Seq)
		if s.First > last {
			continue
		}
		added, repeated := split(recordRange{s.First, last, s}, present)
		for _, r := range repeated {
			e.report(e.misplaced(Duplicated, r))
		}
		present = append(present, added...)
		slices.SortFunc(present, func(a, b recordRange) int { return cmp.Compare(a.first, b.first) })
	}
	return present
}

// split returns the parts of r that are not in the known ranges (added) and those that are (repeated). The known
// ranges are sorted.
func split(r recordRange, known []recordRange) (added, repeated []recordRange) {
	for _, k := range known {
		if k.last < r.first || k.first > r.last {
			continue
		}
		if k.first > r.first {
			added = append(added, recordRange{r.first, k.first - 1, r.segment})
		}
		repeated = append(repeated, recordRange{max(r.first, k.first), min(r.last, k.last), r.segment})
		if k.last >= r.last {
			return added, repeated
		}
		r.first = k.last + 1
	}
	return append(added, r), repeated
}

// misplaced returns a finding about records that are present, but at the wrong position.
func (e *evaluation) misplaced(class Class, r recordRange) Finding {
	size := int64(e.Scan.RecordSize)
	records := r.last - r.first + 1
	offset := r.segment.Offset + int64(r.first-r.segment.First)*size
	return Finding{
		Class: class, Epoch: r.segment.Epoch, First: r.first, Last: r.last, Records: records,
		Offset: offset, End: offset + int64(records)*size,
	}
}
