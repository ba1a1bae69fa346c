// Package extent provides sets of byte ranges of a file.
package extent

import "slices"

// Range is a part of a file.
type Range struct {
	// Offset is the offset of the first byte.
	Offset int64 `json:"offset"`
	// Length is the number of bytes.
	Length int64 `json:"length"`
}

// Between returns the range from an offset to an end, which is exclusive. The range is empty
// if the end is not after the offset.
func Between(offset, end int64) Range {
	return Range{Offset: offset, Length: max(0, end-offset)}
}

// End returns the offset of the first byte after the range.
func (r Range) End() int64 { return r.Offset + r.Length }

// Clip returns the part of the range that is in another range.
func (r Range) Clip(to Range) Range {
	return Between(max(r.Offset, to.Offset), min(r.End(), to.End()))
}

// Overlaps reports whether two ranges have a byte in common.
func (r Range) Overlaps(other Range) bool { return r.Clip(other).Length > 0 }

// Set is a set of bytes of a file. The zero value is empty.
type Set struct {
	// ranges are in order and neither overlap nor touch.
	ranges []Range
}

// Add adds a range to the set.
func (s *Set) Add(r Range) {
	if r.Length <= 0 {
		return
	}
	first, last := s.touching(r)
	for _, old := range s.ranges[first:last] {
		r = Between(min(r.Offset, old.Offset), max(r.End(), old.End()))
	}
	s.ranges = slices.Replace(s.ranges, first, last, r)
}

// Remove removes a range from the set.
func (s *Set) Remove(r Range) {
	if r.Length <= 0 {
		return
	}
	first, last := s.touching(r)
	var left []Range
	for _, old := range s.ranges[first:last] {
		for _, part := range []Range{Between(old.Offset, min(old.End(), r.Offset)), Between(max(old.Offset, r.End()), old.End())} {
			if part.Length > 0 {
				left = append(left, part)
			}
		}
	}
	s.ranges = slices.Replace(s.ranges, first, last, left...)
}

// touching returns the indices of the ranges that overlap or touch a range.
func (s *Set) touching(r Range) (first, last int) {
	first, _ = slices.BinarySearchFunc(s.ranges, r, func(old, r Range) int {
		if old.End() < r.Offset {
			return -1
		}
		return 1
	})
	for last = first; last < len(s.ranges) && s.ranges[last].Offset <= r.End(); {
		last++
	}
	return first, last
}

// Missing returns the parts of a range that are not in the set, in order.
func (s *Set) Missing(r Range) []Range {
	rest := Set{}
	rest.Add(r)
	first, last := s.touching(r)
	for _, old := range s.ranges[first:last] {
		rest.Remove(old)
	}
	return rest.ranges
}

// Ranges returns the ranges of the set in order. They neither overlap nor touch.
func (s *Set) Ranges() []Range { return slices.Clone(s.ranges) }
