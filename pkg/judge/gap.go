package judge

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// gap is the place in the file where lost records should be.
type gap struct {
	offset, end int64
	// followed reports whether later records of the epoch follow the gap.
	followed bool
	// occupied is the number of bytes in the gap that are not part of another epoch's records, unreadable the
	// number of those that could not be read.
	occupied, unreadable int64
	// partial reports whether the gap starts with the first part of its first record.
	partial bool
}

// damage returns the class and the detail for records in whose place there are other bytes.
func (g gap) damage() (Class, string) {
	if g.unreadable > 0 {
		return Unavailable, Count(g.unreadable, "byte") + " could not be read"
	}
	return Corrupt, ""
}

// locateGap finds the place where the records first to last of an epoch should be.
func (e *evaluation) locateGap(ack ledger.Ack, first, last uint64, present []recordRange) gap {
	g := gap{offset: e.startOf(ack.Epoch), end: e.Scan.Bytes}
	for _, r := range present {
		if r.last+1 == first {
			g.offset = r.segment.End
		}
	}
	if next, found := e.segmentAfter(ack.Epoch, last, g.offset); found {
		g.end, g.followed = next.Offset, true
	} else {
		for _, s := range e.Scan.Segments {
			if s.Epoch > ack.Epoch && s.Offset >= g.offset {
				g.end = min(g.end, s.Offset)
			}
		}
	}
	e.skipAttributed(&g)
	e.measureGap(&g, journal.Point{Epoch: ack.Epoch, Seq: first})
	return g
}

// skipAttributed shortens a gap by the bytes that another finding has already. Where the end of one epoch and the start
// of the next one are lost, both gaps begin at the same offset. If records are out of order, a gap may contain another.
func (e *evaluation) skipAttributed(g *gap) {
	for _, r := range e.attributed {
		end := r.Offset + r.Length
		switch {
		case r.Offset <= g.offset && g.offset < end:
			g.offset = min(end, g.end)
		case g.offset < r.Offset && r.Offset < g.end:
			g.end = r.Offset
		}
	}
}

// attribute records that the bytes up to end are in the place of lost records.
func (e *evaluation) attribute(g gap, end int64) {
	e.attributed = append(e.attributed, journal.Range{Offset: g.offset, Length: end - g.offset})
	slices.SortFunc(e.attributed, func(a, b journal.Range) int { return cmp.Compare(a.Offset, b.Offset) })
}

// startOf returns the offset at which the first record of an epoch should be: after the epochs before it.
func (e *evaluation) startOf(epoch int) int64 {
	var end int64
	for _, s := range e.Scan.Segments {
		if s.Epoch < epoch {
			end = max(end, s.End)
		}
	}
	return end
}

// segmentAfter returns the segment that ends a gap: the first one with later records of
// the epoch at the offsets they name or, if there is none, the first with later records.
func (e *evaluation) segmentAfter(epoch int, last uint64, offset int64) (next journal.Segment, found bool) {
	for _, s := range e.Scan.Segments {
		if s.Epoch != epoch || s.First <= last || s.Offset < offset {
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

// measureGap counts the bytes in a gap. Those that belong to no other epoch's record are
// occupied. If writers overlapped, the two cannot be distinguished, and only damage counts.
func (e *evaluation) measureGap(g *gap, first journal.Point) {
	var damaged, blank, others int64
	for _, d := range e.Scan.Damage {
		length := intersection(d.Offset, d.Offset+d.Length, g.offset, g.end)
		switch {
		case d.Blank:
			blank += length
		case length > 0:
			damaged += length
			g.partial = g.partial || d.Partial != nil && *d.Partial == first
		}
	}
	for _, s := range e.Scan.Segments {
		if s.Epoch != first.Epoch {
			others += intersection(s.Offset, s.End, g.offset, g.end)
		}
	}
	g.occupied = max(damaged, g.end-g.offset-others-blank)
	for _, r := range e.Scan.Unreadable {
		g.unreadable += intersection(r.Offset, r.Offset+r.Length, g.offset, g.end)
	}
}

// intersection returns how many bytes two ranges have in common.
func intersection(offset, end, otherOffset, otherEnd int64) int64 {
	return max(0, min(end, otherEnd)-max(offset, otherOffset))
}
