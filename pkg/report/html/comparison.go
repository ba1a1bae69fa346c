package html

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// comparisonFigures compares the latency and the recovery of cells, if there are several.
func comparisonFigures(cells []result.Cell) []figure {
	var figures []figure
	latencies := chart.Ranges{
		Format: formatMicroseconds, Alternative: "Commit latency of each cell; the table has the numbers.",
	}
	recoveries := chart.Steps{
		Format: formatSeconds, Alternative: "The slowest recovery of each cell; the table has the numbers.",
	}
	latencyTable := table{
		Caption: "Commit latency", Head: []string{"Cell", "p50", "p99", "max"},
		Numeric: map[int]bool{1: true, 2: true, 3: true},
	}
	recoveryTable := table{
		Caption: "Slowest recovery", Head: append([]string{"Cell"}, eventNames...), Numeric: map[int]bool{},
	}
	for i := range eventNames {
		recoveryTable.Numeric[i+1] = true
	}
	for _, c := range cells {
		if l := c.Latency; l != nil && l.P50 > 0 {
			values := []string{formatDuration(l.P50), formatDuration(l.P99), formatDuration(l.Max)}
			latencies.Rows = append(latencies.Rows, chart.RangeRow{
				Name: c.DisplayName(), Median: micro(l.P50), High: micro(l.P99), Max: micro(l.Max),
				Values: strings.Join(values, " · "),
			})
			latencyTable.Rows = append(latencyTable.Rows, append([]string{c.DisplayName()}, values...))
		}
		if r, found := slowestRecovery(c); found {
			row := newStepRow(r)
			row.Name = c.DisplayName()
			recoveries.Rows = append(recoveries.Rows, row)
			cells := []string{c.DisplayName()}
			for _, took := range stepTimes(r) {
				cells = append(cells, formatDuration(took))
			}
			recoveryTable.Rows = append(recoveryTable.Rows, cells)
		}
	}
	if len(latencies.Rows) > 1 {
		note := keepSlowest(&latencies.Rows, &latencyTable, func(r chart.RangeRow) float64 { return r.High }, "p99")
		figures = append(figures, figure{
			Caption: "Commit latency of each cell: p50, p99 and maximum (logarithmic scale)", Chart: latencies.SVG(),
			Data: latencyTable, Note: note, Legend: []legendEntry{{"median", "p50"}, {"high", "p99"}, {"max", "maximum"}},
		})
	}
	if len(recoveries.Rows) > 1 {
		note := keepSlowest(&recoveries.Rows, &recoveryTable, lastStep, "recovery")
		figures = append(figures, figure{
			Caption: "Slowest recovery of each cell: from a deletion to the next acknowledgement, by step",
			Chart:   recoveries.SVG(), Data: recoveryTable, Note: note, Legend: stepLegend(recoveries),
		})
	}
	return figures
}

// maxCompared limits the cells in a chart that compares them.
const maxCompared = 20

// keepSlowest keeps the rows with the greatest values of a chart and of its table. It returns a note if it dropped any.
func keepSlowest[Row any](rows *[]Row, data *table, value func(Row) float64, of string) string {
	all := *rows
	if len(all) <= maxCompared {
		return ""
	}
	kept, keptData := make([]Row, 0, maxCompared), make([][]string, 0, maxCompared)
	for _, i := range greatest(len(all), func(i int) float64 { return value(all[i]) }) {
		kept, keptData = append(kept, all[i]), append(keptData, data.Rows[i])
	}
	*rows, data.Rows = kept, keptData
	return fmt.Sprintf("The chart shows the %s of %s with the slowest %s. The table of cells has all of them.",
		grouped(maxCompared), counted(len(all), "cell"), of)
}

// greatest returns the indexes of the maxCompared greatest of n values, the greatest first. Equal values keep their
// order. N must be at least maxCompared.
func greatest[Value cmp.Ordered](n int, value func(int) Value) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(value(b), value(a)) })
	return order[:maxCompared]
}

func lastStep(r chart.StepRow) float64 {
	last := 0.0
	for _, step := range r.Steps {
		last = max(last, step.To)
	}
	return last
}

func slowestRecovery(c result.Cell) (result.Recovery, bool) {
	all := c.Recoveries()
	if len(all) == 0 || c.SlowestRecovery() == 0 {
		return result.Recovery{}, false
	}
	slowest := slices.MaxFunc(all, func(a, b result.Recovery) int { return cmp.Compare(a.FirstAck, b.FirstAck) })
	return slowest, true
}
