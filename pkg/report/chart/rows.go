package chart

import (
	"html/template"
	"unicode/utf8"
)

const (
	rowHeight = 40.0
	rowText   = 14.0
	rowBar    = 13.0
)

// Steps are rows of steps, one after another. Every row starts at 0.
type Steps struct {
	Alternative string
	Rows        []StepRow
	// Format formats a value of the axis.
	Format func(float64) string
}

// StepRow is one row, with its total at the end.
type StepRow struct {
	Name, Total string
	Steps       []Step
}

// Step ends at a value. It begins where the step before it ends.
type Step struct {
	To   float64
	Kind int // steps of one kind have the same colour in all rows
	Name string
}

// SVG draws the rows.
func (s Steps) SVG() template.HTML {
	p := &picture{height: rowHeight*float64(len(s.Rows)) + 24}
	axis := scale{to: 1e-9}
	for _, row := range s.Rows {
		for _, step := range row.Steps {
			axis.to = max(axis.to, step.To)
		}
	}
	bottom := rowHeight * float64(len(s.Rows))
	p.grid(bottom, ticksOn(axis, linearTicks(axis.to, 5), s.Format))
	for i, row := range s.Rows {
		y := rowHeight * float64(i)
		p.name(y+rowText, row.Name, row.Total)
		p.textAt("label over", "end", 100, y+rowText, row.Total)
		from := 0.0
		for _, step := range row.Steps {
			p.box("step-"+number(float64(step.Kind)), axis.at(from), axis.at(step.To), y+rowText+5, rowBar, step.Name)
			from = max(from, step.To)
		}
	}
	return p.svg(s.Alternative)
}

// Ranges are rows of a median, a high value and a maximum on a common logarithmic axis.
type Ranges struct {
	Alternative string
	Rows        []RangeRow
	// Format formats a value of the axis.
	Format func(float64) string
}

// RangeRow is one row, with its values as text at the end.
type RangeRow struct {
	Name, Values      string
	Median, High, Max float64
}

// SVG draws the rows.
func (r Ranges) SVG() template.HTML {
	bottom := rowHeight * float64(len(r.Rows))
	p := &picture{height: bottom + 24}
	if len(r.Rows) == 0 {
		return p.svg(r.Alternative)
	}
	axis := scale{r.Rows[0].Median, r.Rows[0].Max, true}
	for _, row := range r.Rows {
		axis.from, axis.to = min(axis.from, row.Median), max(axis.to, row.Max)
	}
	axis.from, axis.to = axis.from/1.5, axis.to*1.5
	p.grid(bottom, ticksOn(axis, decades(axis.from, axis.to), r.Format))
	for i, row := range r.Rows {
		y := rowHeight * float64(i)
		middle := y + rowText + 5 + rowBar/2
		p.namedValues(y+rowText, row.Name, row.Values)
		p.line("range-thin", axis.at(row.High), middle, axis.at(row.Max), middle)
		p.line("range", axis.at(row.Median), middle, axis.at(row.High), middle)
		p.mark("range-median", axis.at(row.Median), middle, diamond)
		p.mark("range-high", axis.at(row.High), middle, "M0 -6V6")
		p.mark("range-high", axis.at(row.Max), middle, "M0 -4V4")
	}
	return p.svg(r.Alternative)
}

// grid draws an axis under rows, and a line across them at each tick.
func (p *picture) grid(bottom float64, ticks []tick) {
	for _, t := range ticks {
		p.line("grid", t.at, 0, t.at, bottom)
	}
	p.axis(bottom, ticks)
}

// How many letters fit into a row on the narrowest screen, and on one that is not narrow.
const (
	narrowRoom = 40
	wideRoom   = 90
)

// name writes a row's name, shortened to fit. If wide screens have room for more, it writes both forms and the page
// shows one of them.
func (p *picture) name(y float64, name, beside string) {
	narrow, wide := shortened(name, beside, narrowRoom), shortened(name, beside, wideRoom)
	if narrow == wide {
		p.textAt("label over", "start", 0, y, name)
		return
	}
	p.textAt("label over on-narrow", "start", 0, y, narrow)
	p.textAt("label over on-wide", "start", 0, y, wide)
}

// namedValues writes a row's name and its values. Narrow screens show only the name if they do not have room for both.
func (p *picture) namedValues(y float64, name, values string) {
	class := "label over"
	if utf8.RuneCountInString(name)+utf8.RuneCountInString(values)+2 > narrowRoom {
		class += " on-wide"
		p.textAt("label over on-narrow", "start", 0, y, shortened(name, "", narrowRoom))
		p.textAt("label over on-wide", "start", 0, y, shortened(name, values, wideRoom))
	} else {
		p.textAt("label over", "start", 0, y, name)
	}
	p.textAt(class, "end", 100, y, values)
}

// shortened shortens a name to leave room for the text at the end of its row. It cuts the middle, because similar names
// differ at their ends.
func shortened(name, beside string, room int) string {
	letters := []rune(name)
	most := max(8, room-utf8.RuneCountInString(beside)-2)
	if len(letters) <= most {
		return name
	}
	half := (most - 1) / 2
	return string(letters[:half]) + "…" + string(letters[len(letters)-half:])
}
