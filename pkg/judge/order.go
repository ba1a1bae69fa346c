package judge

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// part is a range of acknowledged records that is there, and the segment it is in.
type part struct {
	first, last uint64
	segment     journal.Segment
}

// present returns which acknowledged records of an epoch are there, by sequence
// number, and finds those that are there more than once. Of two copies the one
// counts that is where its records say they were put.
func (j *judging) present(p ledger.Ack, segments []journal.Segment) []part {
	athome := slices.Clone(segments)
	slices.SortStableFunc(athome, func(a, b journal.Segment) int { return cmp.Compare(min(a.Displaced, 1), min(b.Displaced, 1)) })
	var present []part
	for _, s := range athome {
		last := min(s.Last, p.Seq)
		if s.First > last {
			continue
		}
		fresh, again := compare(part{s.First, last, s}, present)
		for _, a := range again {
			j.find(j.misplaced(Duplicated, p.Epoch, a))
		}
		present = append(present, fresh...)
		slices.SortFunc(present, func(a, b part) int { return cmp.Compare(a.first, b.first) })
	}
	return present
}

// order finds acknowledged records that lie behind later ones of their epoch, or
// behind unacknowledged ones. Those are out of place that are not where they say
// they were put; where all are, those that come too late.
func (j *judging) order(p ledger.Ack, segments []journal.Segment, present []part) {
	var late, moved []part
	for _, q := range present {
		if slices.ContainsFunc(segments, func(s journal.Segment) bool {
			return s.Offset < q.segment.Offset && s.Last > q.first && j.counts(s, present, p)
		}) {
			late = append(late, q)
		}
		if q.segment.Displaced > 0 {
			moved = append(moved, q)
		}
	}
	if len(late) == 0 {
		return
	}
	if len(moved) == 0 {
		moved = late
	}
	for _, q := range moved {
		j.find(j.misplaced(Reordered, p.Epoch, q))
	}
}

// counts says whether a segment tells anything of the order: a second copy does not.
func (j *judging) counts(s journal.Segment, present []part, p ledger.Ack) bool {
	return s.First > p.Seq || slices.ContainsFunc(present, func(q part) bool { return q.segment.Offset == s.Offset })
}

// misplaced is a finding about records that are there, at a wrong place.
func (j *judging) misplaced(class Class, epoch int, p part) Finding {
	size := int64(j.Report.Size)
	at := p.segment.Offset + int64(p.first-p.segment.First)*size
	n := p.last - p.first + 1
	return Finding{Class: class, Epoch: epoch, First: p.first, Last: p.last, Records: n, Offset: at, End: at + int64(n)*size}
}

// compare divides a part into what the others, which are sorted, do not cover and what they do.
func compare(p part, others []part) (fresh, again []part) {
	for _, o := range others {
		if o.last < p.first || o.first > p.last {
			continue
		}
		if o.first > p.first {
			fresh = append(fresh, part{p.first, o.first - 1, p.segment})
		}
		again = append(again, part{max(p.first, o.first), min(p.last, o.last), p.segment})
		if o.last >= p.last {
			return fresh, again
		}
		p.first = o.last + 1
	}
	return append(fresh, p), again
}
