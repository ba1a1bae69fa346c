package html

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// eventNames are the events of a recovery in order.
var eventNames = []string{"old writer gone", "scheduled", "attached", "mounted", "started", "first acknowledgement"}

func stepTimes(r result.Recovery) []time.Duration {
	return []time.Duration{r.Deleted, r.Scheduled, r.Attached, r.Mounted, r.Started, r.FirstAck}
}

// maxRecoveries limits the rows of the chart, and maxRecoveryRows those of its table. A result has all steps of the
// recoveries in the chart.
const maxRecoveries, maxRecoveryRows = 12, 100

// recoveryFigure shows how long each recovery took; nil if there was none.
func recoveryFigure(c result.Cell) *figure {
	all := c.Recoveries()
	if len(all) == 0 {
		return nil
	}
	noun := c.DeletionNoun()
	head := strings.ToUpper(noun[:1]) + noun[1:] + " of"
	data := table{
		Caption: "Time from each " + noun + " until each event",
		Head:    append(append([]string{head}, eventNames...), "Acknowledged records"), Numeric: map[int]bool{},
	}
	for i := range data.Head[1:] {
		data.Numeric[i+1] = true
	}
	note := ""
	if len(all) > maxRecoveries {
		note = recoveryNote(all)
	}
	if c.Brief != nil {
		note += fmt.Sprintf(" The %d slowest have all steps. Others have only the time until the first "+
			"acknowledgement if the result has only the main facts of their writers.", maxRecoveries)
	}
	slowestFirst := slices.Clone(all)
	slices.SortStableFunc(slowestFirst, func(a, b result.Recovery) int { return cmp.Compare(b.FirstAck, a.FirstAck) })
	listed := all
	if len(all) > maxRecoveryRows {
		listed = slowestFirst[:maxRecoveryRows]
	}
	for _, r := range listed {
		row := []string{"writer " + grouped(r.Epoch)}
		for _, took := range stepTimes(r) {
			row = append(row, formatDuration(took))
		}
		data.Rows = append(data.Rows, append(row, grouped(r.AckedAtDeletion)))
	}
	f := &figure{
		Caption: "Recovery from each " + noun + ": the time until each event, up to the next acknowledgement",
		Data:    data, Note: note,
	}
	if len(all) > maxRecoveries {
		all = slowestFirst[:maxRecoveries]
	}
	s := chart.Steps{Format: formatSeconds}
	for _, r := range all {
		s.Rows = append(s.Rows, newStepRow(r))
	}
	s.Alternative = fmt.Sprintf("Recovery from %s. The slowest took %s.",
		counted(len(c.Recoveries()), noun), formatDuration(c.SlowestRecovery()))
	f.Legend, f.Chart = stepLegend(s), s.SVG()
	return f
}

// recoveryNote describes recoveries that are too many for the chart.
func recoveryNote(all []result.Recovery) string {
	var took []time.Duration
	for _, r := range all {
		if r.FirstAck > 0 {
			took = append(took, r.FirstAck)
		}
	}
	note := fmt.Sprintf("The chart shows the %d slowest of %s", maxRecoveries, counted(len(all), "recovery"))
	if len(all) > maxRecoveryRows {
		note += fmt.Sprintf(", the table the %d slowest. The result in JSON has all of them.", maxRecoveryRows)
	} else {
		note += "; the table has all of them."
	}
	if len(took) == 0 {
		return note
	}
	slices.Sort(took)
	quantile := func(q float64) string { return formatDuration(took[int(q*float64(len(took)-1))]) }
	return note + fmt.Sprintf(" Half of them took at most %s, and 99%s%% at most %s.",
		quantile(0.5), space, quantile(0.99))
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
	for i, name := range eventNames {
		if drawn[i] {
			legend = append(legend, legendEntry{fmt.Sprintf("step-%d", i), "until " + name})
		}
	}
	return legend
}

func newStepRow(r result.Recovery) chart.StepRow {
	row := chart.StepRow{Name: "after writer " + grouped(r.Epoch), Total: formatDuration(r.FirstAck)}
	if r.FirstAck == 0 {
		row.Total = "no acknowledgement"
	}
	for i, took := range stepTimes(r) {
		if took > 0 {
			step := chart.Step{To: took.Seconds(), Kind: i, Name: eventNames[i] + " after " + formatDuration(took)}
			row.Steps = append(row.Steps, step)
		}
	}
	return row
}
