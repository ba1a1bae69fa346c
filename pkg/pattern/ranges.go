package pattern

import "github.com/volume-durability/volume-durability/pkg/journal"

// packedPoint is a point as one number. Packed points sort like points.
type packedPoint uint64

// seqBits is the number of bits of a sequence number in a packed point. A record's field has twelve digits.
const seqBits = 40

func pack(p journal.Point) packedPoint { return packedPoint(uint64(p.Epoch)<<seqBits | p.Seq) }

func (p packedPoint) point() journal.Point {
	return journal.Point{Epoch: int(p >> seqBits), Seq: uint64(p) & (1<<seqBits - 1)}
}

// digitBits is the number of bits by which sortPoints sorts at once. Two digits suffice for the sequence numbers of the
// maximum number of objects.
const digitBits = 11

// sortPoints sorts points by one digit after the other, from the lowest (radix sort). It changes the order of its
// argument, and returns the points there or in memory of the same size.
func sortPoints(points []packedPoint) []packedPoint {
	var varying packedPoint // bits that are not the same in all points
	for _, p := range points {
		varying |= p ^ points[0]
	}
	sorted := make([]packedPoint, len(points))
	const digits = 1 << digitBits
	for shift := 0; varying>>shift > 0; shift += digitBits {
		if varying>>shift%digits == 0 {
			continue
		}
		var next [digits]int // where the next point with a digit belongs
		for _, p := range points {
			next[p>>shift%digits]++
		}
		start := 0
		for digit, count := range next {
			next[digit] = start
			start += count
		}
		for _, p := range points {
			digit := p >> shift % digits
			sorted[next[digit]] = p
			next[digit]++
		}
		points, sorted = sorted, points
	}
	return points
}

// rangesOf returns points as ranges of consecutive records, and the number of ranges beyond maxListed. It changes the
// order of the points. For Mixed, the records of a range have the same pattern: the older records of other patterns
// between them are gone, so each would be a range of its own.
func (m Model) rangesOf(points []packedPoint) (ranges []journal.RecordRange, unlisted int) {
	list := rangeList{model: m, lasts: map[string]*journal.RecordRange{}}
	for _, p := range sortPoints(points) {
		list.add(p)
	}
	for _, r := range list.ranges {
		ranges = append(ranges, *r)
	}
	return ranges, list.unlisted
}

// rangeList collects sorted points as ranges.
type rangeList struct {
	model    Model
	ranges   []*journal.RecordRange
	unlisted int
	previous packedPoint
	// lasts are the last ranges of the patterns. Last is the one that was extended last.
	lasts map[string]*journal.RecordRange
	last  *journal.RecordRange
}

func (l *rangeList) add(packed packedPoint) {
	isNext := packed == l.previous+1
	l.previous = packed
	if isNext && l.model.Pattern != Mixed { // nearly always: the other comparisons would take longer than the sorting
		l.last.Last++
		return
	}
	p := packed.point()
	name := l.model.rangePattern(p.Seq)
	if l.last == nil || l.last.Pattern != name {
		l.last = l.lasts[name]
	}
	if l.last != nil && l.model.follows(p, *l.last) {
		l.last.Last = p.Seq
		return
	}
	l.last = &journal.RecordRange{Epoch: p.Epoch, First: p.Seq, Last: p.Seq, Pattern: name}
	l.lasts[name] = l.last
	if len(l.ranges) >= maxListed {
		l.unlisted++
		return
	}
	l.ranges = append(l.ranges, l.last)
}
