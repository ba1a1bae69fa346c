package html

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// stepNames are the steps of a recovery in order.
var stepNames = []string{"pod deleted", "scheduled", "attached", "mounted", "started", "first acknowledgement"}

func stepTimes(r result.Recovery) []time.Duration {
	return []time.Duration{r.Deleted, r.Scheduled, r.Attached, r.Mounted, r.Started, r.FirstAck}
}

// maxRecoveries limits the rows of the chart. The table has all recoveries.
const maxRecoveries = 12

// recoveryFigure shows how long each recovery took; nil if there was none.
func recoveryFigure(c result.Cell) *figure {
	all := c.Recoveries()
	if len(all) == 0 {
		return nil
	}
	data := table{
		Caption: "Time from each deletion to each step",
		Head:    append(append([]string{"Deletion of"}, stepNames...), "Acknowledged records"), Numeric: map[int]bool{},
	}
	for i := range data.Head[1:] {
		data.Numeric[i+1] = true
	}
	for _, r := range all {
		row := []string{"writer " + grouped(r.Epoch)}
		for _, took := range stepTimes(r) {
			row = append(row, formatDuration(took))
		}
		data.Rows = append(data.Rows, append(row, grouped(r.AckedAtDeletion)))
	}
	f := &figure{Caption: "Recovery from each deletion: the time to each step and to the next acknowledgement", Data: data}
	if len(all) > maxRecoveries {
		f.Note = fmt.Sprintf("The chart shows the %[2]d slowest of %[1]d recoveries; the table has all of them.", len(all), maxRecoveries)
		slices.SortStableFunc(all, func(a, b result.Recovery) int { return cmp.Compare(b.FirstAck, a.FirstAck) })
		all = all[:maxRecoveries]
	}
	s := chart.Steps{Format: formatSeconds}
	for _, r := range all {
		s.Rows = append(s.Rows, newStepRow(r))
	}
	s.Alternative = fmt.Sprintf("Recovery from %s. The slowest took %s.",
		counted(len(c.Recoveries()), "deletion"), formatDuration(c.SlowestRecovery()))
	f.Legend, f.Chart = stepLegend(s), s.SVG()
	return f
}

// stepLegend explains the steps in a chart.
func stepLegend(s chart.Steps) []legendEntry {
	drawn := map[int]bool{}
	for _, row := range s.Rows {
		for _, step := range row.Steps {
			drawn[step.Kind] = true
		}
	}
	var legend []legendEntry
	for i, name := range stepNames {
		if drawn[i] {
			legend = append(legend, legendEntry{fmt.Sprintf("step-%d", i), "until " + name})
		}
	}
	return legend
}

func newStepRow(r result.Recovery) chart.StepRow {
	row := chart.StepRow{Name: "writer " + grouped(r.Epoch) + " deleted", Total: formatDuration(r.FirstAck)}
	if r.FirstAck == 0 {
		row.Total = "no acknowledgement"
	}
	for i, took := range stepTimes(r) {
		if took > 0 {
			step := chart.Step{To: took.Seconds(), Kind: i, Name: stepNames[i] + " after " + formatDuration(took)}
			row.Steps = append(row.Steps, step)
		}
	}
	return row
}
