package html

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// stepGroup is the steps that have the same look in the chart of a run's time.
type stepGroup struct {
	class string
	steps []result.StepName
	// text is the text of the legend, and local that of a local run, if it differs.
	text, local string
}

// stepGroups has every step once.
var stepGroups = []stepGroup{
	{"trace-claim", names(result.CreatingClaim, result.Provisioning), "claim created, volume provisioned", ""},
	{"trace-pod", names(result.CreatingPod, result.Scheduling), "pod created and scheduled", ""},
	{"trace-pod", names(result.StartingProcess), "process started", ""},
	{"trace-volume", names(result.Attaching, result.Mounting, result.Detaching),
		"volume attached, mounted or detached", ""},
	{"trace-volume", names(result.Between), "command of --between", ""},
	{"trace-start", names(result.Starting, result.FirstAck), "container started, first acknowledgement",
		"first acknowledgement"},
	{"trace-writing", names(result.Writing), "writing", ""},
	{"trace-deleting", names(result.Terminating, result.ReadingLog, result.Deletions), "writer deleted", "writer killed"},
	{"trace-reading", names(result.Reading, result.Judging), "journal read back and judged", ""},
	{"trace-waiting", names(result.Waiting), "waiting", ""},
	{"trace-removing", names(result.Removing), "pods and claim removed", "journal removed"},
}

func names(all ...result.StepName) []result.StepName { return all }

func groupOf(name result.StepName) stepGroup {
	i := slices.IndexFunc(stepGroups, func(g stepGroup) bool { return slices.Contains(g.steps, name) })
	if i < 0 {
		return stepGroup{class: "trace-waiting", text: string(name)}
	}
	return stepGroups[i]
}

// traceFigure shows where the time of a run went; nil if the result does not have it.
func traceFigure(r result.Result) *figure {
	cells, note := tracedCells(r)
	if len(r.Phases) == 0 || len(cells) == 0 {
		return nil
	}
	data := table{
		Caption: "Where the time of the run went",
		Head:    []string{"Cell", "Phase or step", "Writer or reader", "Began after", "Took"},
		Numeric: map[int]bool{3: true, 4: true},
	}
	s := chart.Spans{From: r.StartedAt, To: r.EndedAt, Rows: []chart.SpanRow{phaseRow(r)}}
	began := func(at time.Time) string { return formatSpan(at.Sub(r.StartedAt)) }
	for _, p := range r.Phases {
		row := []string{wholeRun, string(p.Name), dash, began(p.StartedAt), formatSpan(p.Took())}
		data.Rows = append(data.Rows, row)
	}
	for _, c := range cells {
		s.Rows = append(s.Rows, traceRow(c))
		for _, step := range c.Trace.Steps {
			data.Rows = append(data.Rows, []string{
				c.DisplayName(), describeStep(c, step), podOf(step), began(step.StartedAt), formatSpan(step.Took()),
			})
		}
	}
	took := formatDuration(r.EndedAt.Sub(r.StartedAt))
	s.Alternative = fmt.Sprintf("Phases of the run, which took %s, and steps of %s; the table has the numbers.",
		took, counted(len(cells), "cell"))
	return &figure{
		Caption: "Where the time of the run went: its phases, and the steps of each cell", Chart: s.SVG(),
		Legend: traceLegend(cells), Data: data.shortened("step"), Note: note,
	}
}

// wholeRun is the row of a run's phases.
const wholeRun = "whole run"

// tracedCells returns the cells of the chart: those whose steps took longest, in the order of the run. It returns a
// note if the chart does not show all.
func tracedCells(r result.Result) (cells []result.Cell, note string) {
	for _, c := range r.Cells {
		if c.Trace != nil {
			cells = append(cells, c)
		}
	}
	if len(cells) <= maxCompared {
		return cells, ""
	}
	longest := greatest(len(cells), func(i int) time.Duration { return ownTime(cells[i]) })
	slices.Sort(longest)
	shown := make([]result.Cell, 0, maxCompared)
	for _, i := range longest {
		shown = append(shown, cells[i])
	}
	return shown, fmt.Sprintf("The chart shows the %s of %s whose steps took longest, without writing and waiting. "+
		"The result in JSON has all of them.", grouped(maxCompared), counted(len(cells), "cell"))
}

// ownTime returns the time in which a cell neither wrote nor waited for others.
func ownTime(c result.Cell) time.Duration {
	var own time.Duration
	for _, t := range c.Trace.Totals {
		if t.Name != result.Writing && t.Name != result.Waiting {
			own += t.Sum
		}
	}
	return own
}

func phaseRow(r result.Result) chart.SpanRow {
	row := chart.SpanRow{Name: wholeRun, Total: formatDuration(r.EndedAt.Sub(r.StartedAt))}
	for _, p := range r.Phases {
		row.Spans = append(row.Spans, chart.Span{
			From: p.StartedAt, To: p.EndedAt, Class: "trace-phase", Label: string(p.Name),
			Title: string(p.Name) + ": " + formatSpan(p.Took()),
		})
	}
	return row
}

func traceRow(c result.Cell) chart.SpanRow {
	steps := c.Trace.Steps
	row := chart.SpanRow{Name: c.DisplayName()}
	if len(steps) > 0 {
		row.Total = formatDuration(steps[len(steps)-1].EndedAt.Sub(steps[0].StartedAt))
	}
	for _, s := range steps {
		row.Spans = append(row.Spans, chart.Span{
			From: s.StartedAt, To: s.EndedAt, Class: groupOf(s.Name).class,
			Title: describeStep(c, s) + ": " + formatSpan(s.Took()),
		})
	}
	return row
}

// describeStep returns the name of a step. That of several deletions has their number.
func describeStep(c result.Cell, s result.Step) string {
	if s.Name == result.Deletions {
		return counted(s.Deletions, c.DeletionNoun()) + ", each with its recovery"
	}
	return string(s.Name)
}

// podOf names the writer or reader that a step concerns; a dash for none.
func podOf(s result.Step) string {
	switch {
	case s.Epoch > 0:
		return "writer " + grouped(s.Epoch)
	case s.Pod != "":
		return "reader"
	}
	return dash
}

// formatSpan formats the length of a time that is known. It is zero at the start of a run.
func formatSpan(d time.Duration) string {
	if d == 0 {
		return "0" + space + "s"
	}
	return formatDuration(d)
}

// traceLegend explains the looks of the steps of cells.
func traceLegend(cells []result.Cell) []legendEntry {
	drawn := map[string]bool{}
	for _, c := range cells {
		for _, s := range c.Trace.Steps {
			drawn[groupOf(s.Name).text] = true
		}
	}
	var legend []legendEntry
	for _, g := range stepGroups {
		switch {
		case !drawn[g.text]:
		case cells[0].IsLocal():
			legend = append(legend, legendEntry{g.class, cmp.Or(g.local, g.text)})
		default:
			legend = append(legend, legendEntry{g.class, g.text})
		}
	}
	return legend
}
