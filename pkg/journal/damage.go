package journal

import "slices"

// FirstDamage is where the first damage is that the report tells of: bytes that are
// no intact record, or cannot be read, or the place where the next record of an
// epoch is not the one that follows. The beginning of a record that was left by a
// writer that ended counts only where there is nothing else: that alone is no loss.
// Nor is a tail that is gone to be seen: nothing comes after it.
func (r Report) FirstDamage() (offset int64, found bool) {
	places := r.breaks()
	for _, u := range r.Unreadable {
		places = append(places, u.Offset)
	}
	for _, f := range r.Foreign {
		places = append(places, f.Offset)
	}
	var begun []int64
	for _, d := range r.Damage {
		switch {
		case d.Blank:
		case d.Partial != nil:
			begun = append(begun, d.Offset)
		default:
			places = append(places, d.Offset)
		}
	}
	if len(places) == 0 {
		places = begun
	}
	if len(places) == 0 {
		return 0, false
	}
	return slices.Min(places), true
}

// breaks are the places where an epoch goes on with another record than the next.
func (r Report) breaks() (places []int64) {
	last := map[int]uint64{}
	for _, s := range r.Segments {
		if s.Unlinked || s.First != last[s.Epoch]+1 {
			places = append(places, s.Offset)
		}
		last[s.Epoch] = s.Last
	}
	return places
}

// Deviation is how many of the bytes that are found where damage begins are as the
// record has them that should be there; 0 where that cannot be told. It is for a
// report that Scan returned, not for one that came as JSON.
func (r Report) Deviation(offset int64, found []byte) int {
	if !slices.ContainsFunc(r.Damage, func(d Damage) bool { return d.Offset == offset }) {
		return 0
	}
	next := Record{Epoch: 1, Seq: 1, Offset: offset}
	if offset > 0 {
		before := slices.IndexFunc(r.Segments, func(s Segment) bool { return s.End == offset })
		if before < 0 {
			return 0
		}
		s := r.Segments[before]
		next = Record{Epoch: s.Epoch, Seq: s.Last + 1, Prev: s.lastSum, Offset: offset}
	}
	compose := newComposer(r.Format)
	expected := expectation{line: compose.append(nil, &next)}
	for i := range min(len(found), len(expected.line)) {
		if !expected.matches(i, found[i]) {
			return i
		}
	}
	if len(found) < len(expected.line) {
		return len(found)
	}
	return 0 // it is its time or its sum that is wrong
}
