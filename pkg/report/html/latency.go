package html

import (
	"fmt"
	"math"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// latencyFigure shows the latency of a cell's commits; nil if it is not known.
func latencyFigure(c result.Cell) *figure {
	l := c.Latency
	if l == nil || len(l.Buckets) == 0 {
		return nil
	}
	var bins []chart.Bin
	for _, b := range l.Buckets {
		bins = append(bins, chart.Bin{From: micro(b.From), To: micro(b.To), Count: b.Count})
	}
	bins = chart.Rebin(bins)
	d := chart.Distribution{Bins: bins, Format: formatMicroseconds, Points: []chart.Quantile{
		{Value: micro(l.P50), Label: "p50 " + formatDuration(l.P50)},
		{Value: micro(l.P99), Label: "p99 " + formatDuration(l.P99)},
		{Value: micro(l.Max), Label: "max " + formatDuration(l.Max)},
	}}
	d.Alternative = fmt.Sprintf("Distribution of the latency of %s: p50 %s, p99 %s, maximum %s.",
		counted(l.Count, "commit"), formatDuration(l.P50), formatDuration(l.P99), formatDuration(l.Max))
	data := table{
		Caption: "Commits by latency", Head: []string{"From", "To", "Commits"},
		Numeric: map[int]bool{0: true, 1: true, 2: true},
	}
	for _, b := range bins {
		if b.Count > 0 {
			from, to := formatDuration(duration(b.From)), formatDuration(duration(b.To))
			data.Rows = append(data.Rows, []string{from, to, grouped(b.Count)})
		}
	}
	note := fmt.Sprintf("%s with %s, timed by the writers' clocks.",
		counted(l.Count, "commit"), counted(l.Records, "record"))
	if rate := c.Rate(); rate > 0 {
		perSecond := uint64(math.Round(rate))
		note += fmt.Sprintf(" %s per second %s acknowledged while a writer ran.",
			counted(perSecond, "record"), judge.WasOrWere(perSecond))
	}
	return &figure{
		Caption: "Latency of a commit, which is a write and its sync (logarithmic scale)",
		Chart:   d.SVG(), Data: data, Note: note,
	}
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func duration(microseconds float64) time.Duration {
	return time.Duration(microseconds * float64(time.Microsecond))
}
