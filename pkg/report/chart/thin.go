package chart

import (
	"cmp"
	"math"
	"slices"
)

// A chart of very many values would be slow to draw, and its shapes would cover each other. So a chart has at most one
// shape of a kind in each of its columns.
const columns = 400

// columnOf returns the column of a position in percent.
func columnOf(x float64) int { return min(columns-1, max(0, int(math.Floor(x*columns/100)))) }

// thinPoints keeps the first, the last, the lowest and the highest point of each column.
func thinPoints(points []point) []point {
	if len(points) <= columns {
		return points
	}
	var thin []point
	for from := 0; from < len(points); {
		to := from + 1
		for to < len(points) && columnOf(points[to].x) == columnOf(points[from].x) {
			to++
		}
		thin = append(thin, outline(points[from:to])...)
		from = to
	}
	return thin
}

// outline returns the first, the last, the lowest and the highest of some points, in their order.
func outline(points []point) []point {
	low, high, last := 0, 0, len(points)-1
	for i, p := range points {
		if p.y < points[low].y {
			low = i
		}
		if p.y > points[high].y {
			high = i
		}
	}
	keep := []int{0, low, high, last}
	slices.Sort(keep)
	var some []point
	for _, i := range slices.Compact(keep) {
		some = append(some, points[i])
	}
	return some
}

// maxMarks is the number of symbols that are side by side on a wide screen.
const maxMarks = 60

// thinMarks returns the items to mark with a symbol: the greatest in each of a few wide columns.
func thinMarks[T any](items []T, at func(T) float64, compare func(a, b T) int) []T {
	if len(items) <= MaxRecoveries {
		return items
	}
	best := map[int]int{}
	for i, item := range items {
		column := int(at(item) * maxMarks / 100)
		if j, found := best[column]; !found || compare(item, items[j]) > 0 {
			best[column] = i
		}
	}
	keep := make([]int, 0, len(best))
	for _, i := range best {
		keep = append(keep, i)
	}
	slices.Sort(keep)
	some := make([]T, 0, len(keep))
	for _, i := range keep {
		some = append(some, items[i])
	}
	return some
}

// span is a shape between two positions in percent.
type span struct {
	from, to    float64
	class, text string
}

// thinSpans draws very many spans as one for each run of columns in which the same class is most important. It is the
// class with the greatest weight; among equal ones, that which covers most of the column.
func thinSpans(spans []span, weight func(class string) int) []span {
	if len(spans) <= columns {
		return spans
	}
	covered := make([]map[string]float64, columns)
	for _, s := range spans {
		for c := columnOf(s.from); c <= columnOf(s.to); c++ {
			if covered[c] == nil {
				covered[c] = map[string]float64{}
			}
			from, to := float64(c)*100/columns, float64(c+1)*100/columns
			share := min(s.to, to) - max(s.from, from)
			if share > 0 || s.from == s.to {
				covered[c][s.class] += max(0, share)
			}
		}
	}
	var thin []span
	for c, shares := range covered {
		if len(shares) == 0 {
			continue
		}
		class := mostImportant(shares, weight)
		from, to := float64(c)*100/columns, float64(c+1)*100/columns
		if last := len(thin) - 1; last >= 0 && thin[last].class == class && thin[last].to >= from-1e-9 {
			thin[last].to = to
			continue
		}
		thin = append(thin, span{from: from, to: to, class: class})
	}
	return thin
}

func mostImportant(shares map[string]float64, weight func(class string) int) string {
	classes := make([]string, 0, len(shares))
	for class := range shares {
		classes = append(classes, class)
	}
	slices.Sort(classes)
	return slices.MaxFunc(classes, func(a, b string) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(shares[a], shares[b]))
	})
}
