package html

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// stepNames are the steps of a recovery, in the order in which they are drawn.
var stepNames = []string{"gone", "scheduled", "attached", "mounted", "started", "first acknowledgement"}

func stepsOf(r result.Recovery) []time.Duration {
	return []time.Duration{r.Gone, r.Scheduled, r.Attached, r.Mounted, r.Started, r.FirstAck}
}

// maxRecoveries bounds the rows of a picture. The table has them all.
const maxRecoveries = 12

// recoveryOf is how long a cell's writers took to come back; nil where none was to.
func recoveryOf(c result.Cell) *figure {
	all := c.Recoveries()
	if len(all) == 0 {
		return nil
	}
	data := table{Caption: "From each deletion on, until", Head: append(append([]string{"Deletion of"}, stepNames...), "Records at stake"), Numeric: map[int]bool{}}
	for i := range data.Head[1:] {
		data.Numeric[i+1] = true
	}
	for _, r := range all {
		row := []string{fmt.Sprintf("writer %d", r.Epoch)}
		for _, took := range stepsOf(r) {
			row = append(row, lasting(took))
		}
		data.Rows = append(data.Rows, append(row, grouped(r.AckedAtDeletion)))
	}
	f := &figure{Caption: "How long the writer was away after each deletion, and in which steps it came back", Data: data}
	if len(all) > maxRecoveries {
		f.Note = fmt.Sprintf("Of %d recoveries the %d slowest are drawn; the table has them all.", len(all), maxRecoveries)
		slices.SortStableFunc(all, func(a, b result.Recovery) int { return cmp.Compare(b.FirstAck, a.FirstAck) })
		all = all[:maxRecoveries]
	}
	s := chart.Steps{Number: secondsOnAxis}
	for _, r := range all {
		s.Rows = append(s.Rows, stepRow(r))
	}
	s.Alternative = fmt.Sprintf("%s. The slowest took %s until its first new acknowledgement.", counted(len(c.Recoveries()), "deletion")+" with a return", lasting(c.SlowestRecovery()))
	f.Legend, f.Picture = legendOf(s), s.SVG()
	return f
}

// legendOf names the steps that are drawn.
func legendOf(s chart.Steps) []sign {
	drawn := map[int]bool{}
	for _, row := range s.Rows {
		for _, step := range row.Steps {
			drawn[step.Kind] = true
		}
	}
	var legend []sign
	for i, name := range stepNames {
		if drawn[i] {
			legend = append(legend, sign{fmt.Sprintf("step-%d", i), "until " + name})
		}
	}
	return legend
}

func stepRow(r result.Recovery) chart.StepRow {
	row := chart.StepRow{Name: fmt.Sprintf("writer %d deleted", r.Epoch), Total: lasting(r.FirstAck)}
	if r.FirstAck == 0 {
		row.Total = "did not come back"
	}
	for i, took := range stepsOf(r) {
		if took > 0 {
			row.Steps = append(row.Steps, chart.Step{To: took.Seconds(), Kind: i, Name: stepNames[i] + " after " + lasting(took)})
		}
	}
	return row
}
