package compare

import (
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Point is one run in a trend. Its figures are the worst ones of its cells; one that no cell measured is absent.
type Point struct {
	Run
	// Cells is the number of cells under test, without skipped ones.
	Cells int `json:"cells"`
	// Lost is the number of records that all cells lost.
	Lost            *float64 `json:"lost,omitempty"`
	SlowestRecovery *float64 `json:"slowestRecoverySeconds,omitempty"`
	CommitP99       *float64 `json:"commitP99Seconds,omitempty"`
	Rate            *float64 `json:"recordsPerSecond,omitempty"`
}

// Trend returns a point for each run, in the order in which the runs started. Cell is the name of the cell to follow;
// empty for all cells under test. A run without that cell has no point.
func Trend(results []result.Result, cell string) []Point {
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b result.Result) int { return a.StartedAt.Compare(b.StartedAt) })
	points := []Point{}
	for _, r := range results {
		cells, verdict := r.Tested(), r.Verdict
		if cell != "" {
			cells = slices.DeleteFunc(cells, func(c result.Cell) bool { return c.DisplayName() != cell })
			if len(cells) == 0 {
				continue
			}
			verdict = cells[0].Verdict
		}
		points = append(points, pointOf(r, verdict, cells))
	}
	return points
}

func pointOf(r result.Result, verdict judge.Verdict, cells []result.Cell) Point {
	p := Point{Run: Run{r.RunID, r.StartedAt, verdict}}
	sum := func(a, b float64) float64 { return a + b }
	highest := func(a, b float64) float64 { return max(a, b) }
	lowest := func(a, b float64) float64 { return min(a, b) }
	p99 := latency(func(l result.Latency) time.Duration { return l.P99 })
	for _, c := range cells {
		if c.Verdict == judge.Skipped {
			continue
		}
		p.Cells++
		p.Lost = merge(p.Lost, lost(c), sum)
		p.SlowestRecovery = merge(p.SlowestRecovery, seconds(c.SlowestRecovery()), highest)
		p.CommitP99 = merge(p.CommitP99, p99(c), highest)
		p.Rate = merge(p.Rate, positive(c.Rate()), lowest)
	}
	return p
}

// merge combines two figures, either of which may be absent.
func merge(a, b *float64, combine func(a, b float64) float64) *float64 {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	merged := combine(*a, *b)
	return &merged
}
