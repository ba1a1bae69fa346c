package compare

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// dash stands for a value that is unknown.
const dash = "-"

// TableFunc renders a table.
type TableFunc func(titles []string, rows [][]string) string

// Text returns the comparison as text with tables.
func (c Comparison) Text(table TableFunc) string {
	var text strings.Builder
	text.WriteString(table([]string{"", "BEFORE", "AFTER", "CHANGE"}, collect(func(row func(...string)) {
		row("run", c.Before.ID, c.After.ID, "")
		row("started", formatTime(c.Before.StartedAt), formatTime(c.After.StartedAt), "")
		row("verdict", string(c.Before.Verdict), string(c.After.Verdict),
			verdictChange(c.isRunWorse(), c.Before.Verdict, c.After.Verdict))
		for _, change := range c.Changes {
			row(options.UseFlags(change.Name), cmp.Or(change.Before, dash), cmp.Or(change.After, dash), "changed")
		}
	})))
	if len(c.Cells) > 0 {
		text.WriteString("\n" + table([]string{"CELL", "", "BEFORE", "AFTER", "CHANGE"}, collect(func(row func(...string)) {
			for _, cell := range c.Cells {
				cell.addRows(row)
			}
		})))
	}
	list := func(heading string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(&text, "\n%s: %s\n", heading, strings.Join(names, ", "))
		}
	}
	list("Cells that only the run before has", c.OnlyBefore)
	list("Cells that only the run after has", c.OnlyAfter)
	fmt.Fprintf(&text, "\n%s\n", c.conclusion())
	return text.String()
}

func (c Comparison) isRunWorse() bool { return badness(c.After.Verdict) > badness(c.Before.Verdict) }

// conclusion states whether there is a regression, and why.
func (c Comparison) conclusion() string {
	var worse []string
	if c.isRunWorse() {
		worse = append(worse, "the run")
	}
	for _, cell := range c.Cells {
		if cell.Regression {
			worse = append(worse, "cell "+cell.Name)
		}
	}
	text := "No regression: no verdict got worse"
	switch len(worse) {
	case 0:
	case 1:
		text = "Regression: the verdict of " + worse[0] + " got worse"
	default:
		text = "Regression: the verdicts of " + strings.Join(worse, ", ") + " got worse"
	}
	if len(c.OnlyBefore)+len(c.OnlyAfter) > 0 {
		text += ". Cells that only one run has are not compared"
	}
	return text + "."
}

// verdictChange marks a verdict that differs.
func verdictChange(isWorse bool, before, after judge.Verdict) string {
	switch {
	case isWorse:
		return "worse"
	case before != after:
		return "changed"
	}
	return ""
}

func (c Cell) addRows(row func(...string)) {
	row(c.Name, "verdict", string(c.Before), string(c.After), verdictChange(c.Regression, c.Before, c.After))
	for _, f := range c.Figures {
		row(c.Name, f.Name, format(f.Before, f.Unit), format(f.After, f.Unit), f.change())
	}
	for _, p := range c.Changes {
		row(c.Name, p.Name, cmp.Or(p.Before, dash), cmp.Or(p.After, dash), "changed")
	}
}

// change returns how much a figure changed, in percent; empty if that is unknown or less than one percent.
func (f Figure) change() string {
	switch {
	case f.Before == nil || f.After == nil || *f.Before == *f.After:
		return ""
	case *f.Before == 0:
		return "changed"
	}
	percent := fmt.Sprintf("%+.0f %%", (*f.After / *f.Before - 1)*100)
	if percent == "+0 %" || percent == "-0 %" {
		return ""
	}
	return percent
}

// TrendRows returns a trend as the rows of a table: the ID of the run, its start, its verdict, the number of cells, the
// lost records, the slowest recovery, the 99th percentile of the commits and the rate.
func TrendRows(points []Point) [][]string {
	var rows [][]string
	for _, p := range points {
		rows = append(rows, []string{
			p.ID, formatTime(p.StartedAt), string(p.Verdict), fmt.Sprint(p.Cells), format(p.Lost, Records),
			format(p.SlowestRecovery, Seconds), format(p.CommitP99, Seconds), format(p.Rate, RecordsPerSecond),
		})
	}
	return rows
}

// collect returns the rows that a function adds.
func collect(add func(row func(...string))) [][]string {
	var rows [][]string
	add(func(columns ...string) { rows = append(rows, columns) })
	return rows
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func format(figure *float64, unit Unit) string {
	switch {
	case figure == nil:
		return dash
	case unit == Records:
		return judge.FormatCount(uint64(*figure))
	case unit == Seconds:
		return result.FormatDuration(time.Duration(*figure * float64(time.Second)))
	}
	return fmt.Sprintf("%.4g", *figure)
}
