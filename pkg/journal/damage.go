package journal

import (
	"cmp"
	"slices"
)

// FirstDamage returns the offset of the first damage in a report: bytes that are not an
// intact record, that cannot be read or that are foreign, or a record that does not follow
// the previous one of its epoch. A writer that was killed may leave a partial record, which
// is not a loss, so a partial record counts only if there is no damage. FirstDamage
// cannot find a lost tail, because nothing follows it.
func (r ScanReport) FirstDamage() (offset int64, found bool) {
	places := r.discontinuities()
	for _, u := range r.Unreadable {
		places = append(places, u.Offset)
	}
	for _, f := range r.Foreign {
		places = append(places, f.Offset)
	}
	var partial []int64
	for _, d := range r.Damage {
		switch {
		case d.Blank:
		case d.Partial != nil:
			partial = append(partial, d.Offset)
		default:
			places = append(places, d.Offset)
		}
	}
	if len(places) == 0 {
		places = partial
	}
	if len(places) == 0 {
		return 0, false
	}
	return slices.Min(places), true
}

// discontinuities returns the offsets of records that do not follow the previous one of their epoch.
func (r ScanReport) discontinuities() (places []int64) {
	byEpoch := func(a, b Segment) int { return cmp.Compare(a.Epoch, b.Epoch) }
	segments := r.Segments
	if !slices.IsSortedFunc(segments, byEpoch) {
		segments = slices.Clone(segments)
		slices.SortStableFunc(segments, byEpoch)
	}
	var last Point
	for _, s := range segments {
		if s.Epoch != last.Epoch {
			last = Point{Epoch: s.Epoch}
		}
		if s.Unlinked || s.First != last.Seq+1 {
			places = append(places, s.Offset)
		}
		last.Seq = s.Last
	}
	return places
}

// MatchingPrefix returns how many of the bytes found at the offset of damage match the record
// that should be there, or 0 if that record is unknown. The report must come from Scan: a
// report that was read from JSON has no checksums.
func (r ScanReport) MatchingPrefix(offset int64, found []byte) int {
	if !slices.ContainsFunc(r.Damage, func(d Damage) bool { return d.Offset == offset }) {
		return 0
	}
	next := Record{Epoch: 1, Seq: 1, Offset: offset}
	if offset > 0 {
		i := slices.IndexFunc(r.Segments, func(s Segment) bool { return s.End == offset })
		if i < 0 {
			return 0
		}
		s := r.Segments[i]
		next = Record{Epoch: s.Epoch, Seq: s.Last + 1, PrevChecksum: s.lastChecksum, Offset: offset}
	}
	encoder := newEncoder(r.Format)
	expected := expectation{line: encoder.append(nil, &next)}
	for i := range min(len(found), len(expected.line)) {
		if !expected.matches(i, found[i]) {
			return i
		}
	}
	if len(found) < len(expected.line) {
		return len(found)
	}
	return 0 // its time or its checksum is wrong
}
