package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// WriteResult writes a result in the chosen format.
func (f *FormatFlag) WriteResult(out io.Writer, r result.Result) error {
	if f.Value == FormatJUnit {
		content, err := junit.Render(r)
		if err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	}
	l := f.layout(out)
	return f.Write(out, r, func() (string, error) {
		if f.Value == FormatTable {
			return l.table(r, l.width), nil
		}
		return l.summary(r), nil
	})
}

// layout is the width and the colours of text.
type layout struct {
	width   int
	palette style.Palette
}

// layout returns the layout of text that is written to out.
func (f *FormatFlag) layout(out io.Writer) layout {
	out = f.destination(out)
	return layout{style.Width(out), f.Color.Palette(out)}
}

// table renders the cells of a result as a table. It leaves out the columns that matter least if it is too wide.
func (l layout) table(r result.Result, width int) string {
	// The columns are left out in this order. Those of the commit latency are only clear together.
	drop := map[string]int{"COMMIT P50": 1, "P99": 1, "MAX": 1, "RECORDS/S": 2, "DELETIONS": 3, "KILLS": 3, "EVIDENCE": 4}
	titles, rows := r.Rows()
	table := style.Table{Rows: rows}
	for _, title := range titles {
		column := style.Column{Title: title, Drop: drop[title]}
		switch title {
		case "CELL":
			column.Name = true
		case "VERDICT":
			column.Color = func(row int, verdict string) string {
				if c := r.Cells[row]; c.Spec.Control && c.LostAllData() {
					return l.palette.Good(verdict)
				}
				return l.palette.Verdict(verdict)
			}
		}
		table.Columns = append(table.Columns, column)
	}
	return table.Render(width)
}

// summary renders a result as text for a terminal.
func (l layout) summary(r result.Result) string {
	var s strings.Builder
	tested := r.Tested()
	headline := Headline(r.Verdict, tested)
	if r.IsOnlyTooSlow() {
		headline = "Fail: a threshold was not met. Every acknowledged record was " + keptPhrase(tested) + "."
	}
	s.WriteString(l.palette.Verdict(headline) + "\n")
	if len(tested) < 2 {
		fmt.Fprintf(&s, "  %s\n", r.Reason)
	}
	if len(r.Cells) > 0 {
		fmt.Fprintf(&s, "\n%s", indented(l.table(r, l.width-len(indent))))
	}
	switch {
	case len(tested) == 1:
		s.WriteString(Details(tested[0]))
	case len(tested) > 1:
		s.WriteString(l.reasons(r.Cells))
	}
	if r.NotRemoved != "" {
		fmt.Fprintf(&s, "\nNot removed: %s\n", r.NotRemoved)
	}
	if text := timeText(r); text != "" {
		fmt.Fprintf(&s, "\n%s", text)
	}
	if len(tested) > 0 {
		fmt.Fprintf(&s, "\n%s\n", l.palette.Verdict(lastLine(r.Verdict, tested)))
	}
	return s.String()
}

// lastLine sums up a run: its verdict, its cells, the lost records and the slowest recovery.
func lastLine(verdict judge.Verdict, tested []result.Cell) string {
	counts := map[judge.Verdict]int{}
	var lost, records uint64
	isRead, slowest := false, time.Duration(0)
	for _, c := range tested {
		counts[c.Verdict]++
		slowest = max(slowest, c.SlowestRecovery())
		if c.Reader != nil || len(c.Findings) > 0 {
			isRead, lost, records = true, lost+c.Lost(), records+ledger.CountRecords(c.Acks)
		}
	}
	parts := []string{judge.Count(len(tested), "cell")}
	if len(tested) > 1 {
		var verdicts []string
		for _, v := range []judge.Verdict{judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.Skipped} {
			if counts[v] > 0 {
				verdicts = append(verdicts, fmt.Sprintf("%d %s", counts[v], v))
			}
		}
		parts[0] += " (" + strings.Join(verdicts, ", ") + ")"
	}
	if isRead {
		parts = append(parts, fmt.Sprintf("lost %s of %s", judge.FormatCount(lost), judge.Count(records, "record")))
	} else {
		parts = append(parts, "no journal was read back")
	}
	if slowest > 0 {
		parts = append(parts, "slowest recovery "+result.FormatDuration(slowest))
	}
	return string(verdict) + ": " + strings.Join(parts, ", ")
}

// reasons lists the reasons for the verdicts of all cells except those with the expected
// verdict: a tested cell with a Pass, or a control that lost its data.
func (l layout) reasons(cells []result.Cell) string {
	var s strings.Builder
	for _, c := range cells {
		if c.Spec.Control && c.LostAllData() || !c.Spec.Control && c.Verdict == judge.Pass {
			continue
		}
		fmt.Fprintf(&s, "\n%s: %s\n  %s\n", c.DisplayName(), l.palette.Verdict(progress.VerdictLabel(c)), c.Reason)
	}
	return s.String()
}

// Headline explains the verdict on the tested cells in one line.
func Headline(v judge.Verdict, tested []result.Cell) string {
	switch v {
	case judge.Pass:
		return "Pass: every acknowledged record was " + keptPhrase(tested) + "."
	case judge.Fail:
		return "Fail: " + failure(tested) + "."
	case judge.Stopped:
		return "Stopped: the run was stopped before the journal could be verified."
	case judge.NotApplicable:
		return "N/A: the check does not apply to this cluster; nothing was tested."
	}
	return string(v) + ": the run ended without a Pass or a Fail."
}

// keptPhrase states what holds for every acknowledged record of cells without loss.
func keptPhrase(tested []result.Cell) string {
	has := func(is func(pattern.Name) bool) bool {
		return slices.ContainsFunc(tested, func(c result.Cell) bool { return is(c.Layout.Pattern) })
	}
	switch {
	case has(pattern.Name.SomeOperationsRemove):
		return "read back intact, or was replaced or removed by a later operation"
	case has(pattern.Name.SharesObjects):
		return "read back intact, or was replaced by a later one"
	}
	return "read back intact"
}

// failure states what the findings of cells mean for their records.
func failure(tested []result.Cell) string {
	lost, classes := uint64(0), map[judge.Class]bool{}
	for _, c := range tested {
		lost += c.Lost()
		for _, f := range c.Findings {
			classes[f.Class] = true
		}
	}
	switch {
	case lost > 0:
		return "not every acknowledged record could be read back intact"
	case classes[judge.Unavailable] || classes[judge.ReadOnly]:
		return "the volume could no longer be used"
	case len(classes) == 0:
		return "the run failed"
	case len(classes) == 1 && classes[judge.TooSlow]:
		return "a threshold was not met"
	default:
		return "no acknowledged record was lost, but the data has other damage"
	}
}

// Details renders the parts of a cell for which its table has no column.
func Details(c result.Cell) string {
	var s strings.Builder
	list := func(heading string, items []string) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&s, "\n%s\n", heading)
		for _, item := range items {
			fmt.Fprintf(&s, "  - %s\n", item)
		}
	}
	var findings []string
	for _, f := range c.Findings {
		findings = append(findings, describeFinding(f))
	}
	list("Findings", findings)
	list("Notes", c.Notes)
	list("Not proven by this run", c.NotShown)
	return s.String()
}

// describeFinding describes a finding and its position in the journal. The name of a file is in the description.
func describeFinding(f judge.Finding) string {
	if bytes := f.Bytes(); bytes != "" {
		return fmt.Sprintf("%s; %s", f, bytes)
	}
	return f.String()
}

// indent is in front of each line of the table in a summary.
const indent = "  "

func indented(text string) string {
	var s strings.Builder
	for line := range strings.Lines(text) {
		s.WriteString(indent + strings.TrimRight(line, " \n") + "\n")
	}
	return s.String()
}
