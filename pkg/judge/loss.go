package judge

import (
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// lost names why acknowledged records first to last of an epoch are not there.
func (j *judging) lost(p ledger.Ack, first, last uint64, present []part) {
	gap := j.gap(p, first, last, present)
	size := int64(j.Report.Size)
	f := Finding{Epoch: p.Epoch, First: first, Last: last, Records: last - first + 1, Offset: gap.from, End: gap.to}
	if gap.inside {
		f.Class = LostGap
		if gap.occupied >= int64(f.Records)*size {
			f.Class, f.Detail = gap.spoilt()
		} else if gap.occupied > 0 {
			f.Detail = fmt.Sprintf("%d damaged bytes in their place", gap.occupied)
		}
		j.find(f)
		return
	}
	if gap.partial {
		f.Class, f.Last, f.Records = Torn, first, 1
		j.find(f)
	} else if harmed := min(f.Records, uint64((gap.occupied+size-1)/size)); harmed > 0 {
		f.Last, f.Records = first+harmed-1, harmed
		f.Class, f.Detail = gap.spoilt()
		j.find(f)
	} else {
		f.Last = first - 1
	}
	j.lostTail(p.Epoch, f.Last+1, last, gap.to)
}

// lostTail names the records that are gone from the end of an epoch without a
// trace. An older state came back where an earlier pod had read them back, or had
// read a longer journal than is there now.
func (j *judging) lostTail(epoch int, first, last uint64, at int64) {
	seen := min(j.seen(epoch), last)
	if j.shrunk() {
		seen = last
	}
	if seen >= first {
		j.find(Finding{Class: RolledBack, Epoch: epoch, First: first, Last: seen, Records: seen - first + 1, Offset: at, End: at, Detail: "an earlier pod had read back more"})
		first = seen + 1
	}
	if first <= last {
		j.find(Finding{Class: LostTail, Epoch: epoch, First: first, Last: last, Records: last - first + 1, Offset: at, End: at})
	}
}

// seen is the highest sequence number of an epoch that an earlier pod read back.
func (j *judging) seen(epoch int) uint64 {
	var highest uint64
	for _, r := range j.Earlier {
		for _, s := range r.Segments {
			if s.Epoch == epoch {
				highest = max(highest, s.Last)
			}
		}
	}
	return highest
}

// shrunk says whether the journal, which only ever grows, is shorter than an
// earlier pod had read it.
func (j *judging) shrunk() bool {
	return slices.ContainsFunc(j.Earlier, func(r journal.Report) bool { return r.Bytes > j.Report.Bytes })
}

// gap is the place in the file where lost records should be.
type gap struct {
	from, to int64
	// inside says that later acknowledged or unacknowledged records of the epoch follow.
	inside bool
	// occupied counts the bytes between that are no other epoch's: something stands
	// where the records should. unreadable are those of them that could not be read.
	occupied, unreadable int64
	// partial says that the gap begins with the beginning of its first record.
	partial bool
}

// spoilt is what has become of records in whose place something else stands.
func (g gap) spoilt() (Class, string) {
	if g.unreadable > 0 {
		return Unavailable, fmt.Sprintf("%d bytes could not be read", g.unreadable)
	}
	return Corrupt, ""
}

func (j *judging) gap(p ledger.Ack, first, last uint64, present []part) gap {
	g := gap{from: j.startOf(p.Epoch), to: j.Report.Bytes}
	for _, q := range present {
		if q.last+1 == first {
			g.from = q.segment.End
		}
	}
	if next, found := j.next(p.Epoch, last, g.from); found {
		g.to, g.inside = next.Offset, true
	} else {
		for _, s := range j.Report.Segments {
			if s.Epoch > p.Epoch && s.Offset >= g.from {
				g.to = min(g.to, s.Offset)
			}
		}
	}
	j.fill(&g, p, first)
	return g
}

// next is the segment of an epoch that ends a gap: the first that holds later
// records where they say they were put, or else any.
func (j *judging) next(epoch int, last uint64, from int64) (next journal.Segment, found bool) {
	for _, s := range j.Report.Segments {
		if s.Epoch != epoch || s.First <= last || s.Offset < from {
			continue
		}
		if s.Displaced == 0 {
			return s, true
		}
		if !found {
			next, found = s, true
		}
	}
	return next, found
}

// fill looks at what stands in a gap. What is left of it without other epochs'
// records is occupied; where writers overlapped, these cannot be told apart, and
// the damage alone counts.
func (j *judging) fill(g *gap, p ledger.Ack, first uint64) {
	var damaged, blank, others int64
	for _, d := range j.Report.Damage {
		if d.Offset < g.from || d.Offset >= g.to {
			continue
		}
		if d.Blank {
			blank += d.Length
			continue
		}
		damaged += d.Length
		if d.Partial != nil && *d.Partial == (journal.Point{Epoch: p.Epoch, Seq: first}) {
			g.partial = true
		}
	}
	for _, s := range j.Report.Segments {
		if s.Epoch != p.Epoch {
			others += overlapOf(s.Offset, s.End, g.from, g.to)
		}
	}
	g.occupied = max(damaged, g.to-g.from-others-blank)
	for _, r := range j.Report.Unreadable {
		g.unreadable += overlapOf(r.Offset, r.Offset+r.Length, g.from, g.to)
	}
}

// startOf is where an epoch of which nothing may be left would have begun: after
// the epochs before it.
func (j *judging) startOf(epoch int) int64 {
	var at int64
	for _, s := range j.Report.Segments {
		if s.Epoch < epoch {
			at = max(at, s.End)
		}
	}
	return at
}
