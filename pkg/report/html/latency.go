package html

import (
	"fmt"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// latencyOf is the distribution of a cell's commits; nil where none is known.
func latencyOf(c result.Cell) *figure {
	l := c.Latency
	if l == nil || len(l.Buckets) == 0 {
		return nil
	}
	var bins []chart.Bin
	for _, b := range l.Buckets {
		bins = append(bins, chart.Bin{From: micro(b.From), To: micro(b.To), Count: b.Count})
	}
	bins = chart.Rebin(bins)
	d := chart.Distribution{Bins: bins, Number: onAxis, Points: []chart.Quantile{
		{Value: micro(l.P50), Label: "p50 " + lasting(l.P50)}, {Value: micro(l.P99), Label: "p99 " + lasting(l.P99)}, {Value: micro(l.Max), Label: "max " + lasting(l.Max)},
	}}
	d.Alternative = fmt.Sprintf("Distribution of how long %s took: half at most %s, 99 of 100 at most %s, the slowest %s.",
		counted(l.Count, "commit"), lasting(l.P50), lasting(l.P99), lasting(l.Max))
	data := table{Caption: "Commits by how long they took", Head: []string{"From", "To", "Commits"}, Numeric: map[int]bool{0: true, 1: true, 2: true}}
	for _, b := range bins {
		if b.Count > 0 {
			data.Rows = append(data.Rows, []string{lasting(duration(b.From)), lasting(duration(b.To)), grouped(b.Count)})
		}
	}
	note := fmt.Sprintf("%s of %s, by the writers' own clocks.", counted(l.Count, "commit"), counted(l.Records, "record"))
	if rate := c.Rate(); rate > 0 {
		note += fmt.Sprintf(" %s a second became durable while a writer was at work.", counted(int64(rate+0.5), "record"))
	}
	return &figure{Caption: "How long a commit took: a write and its sync (the scale is logarithmic)", Picture: d.SVG(), Data: data, Note: note}
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func duration(microseconds float64) time.Duration {
	return time.Duration(microseconds * float64(time.Microsecond))
}
