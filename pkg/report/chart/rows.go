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

// Steps are rows of consecutive times, each from 0.
type Steps struct {
	Alternative string
	Rows        []StepRow
	// Number writes a value of the axis.
	Number func(float64) string
}

// StepRow is one row. What it came to stands at its end.
type StepRow struct {
	Name, Total string
	Steps       []Step
}

// Step ends at a value; it begins where the one before it ends.
type Step struct {
	To   float64
	Kind int // the steps of one kind look the same, in all rows
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
	p.grid(bottom, ticksOn(axis, linearTicks(axis.to, 5), s.Number))
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

// Ranges are rows of a usual, a high and a highest value, on one logarithmic axis.
type Ranges struct {
	Alternative string
	Rows        []RangeRow
	// Number writes a value of the axis.
	Number func(float64) string
}

// RangeRow is one row. What its values are stands at its end.
type RangeRow struct {
	Name, Values         string
	Usual, High, Highest float64
}

// SVG draws the rows.
func (r Ranges) SVG() template.HTML {
	bottom := rowHeight * float64(len(r.Rows))
	p := &picture{height: bottom + 24}
	if len(r.Rows) == 0 {
		return p.svg(r.Alternative)
	}
	axis := scale{r.Rows[0].Usual, r.Rows[0].Highest, true}
	for _, row := range r.Rows {
		axis.from, axis.to = min(axis.from, row.Usual), max(axis.to, row.Highest)
	}
	axis.from, axis.to = axis.from/1.5, axis.to*1.5
	p.grid(bottom, ticksOn(axis, decades(axis.from, axis.to), r.Number))
	for i, row := range r.Rows {
		y := rowHeight * float64(i)
		middle := y + rowText + 5 + rowBar/2
		p.name(y+rowText, row.Name, row.Values)
		p.textAt("label over", "end", 100, y+rowText, row.Values)
		p.line("range-thin", axis.at(row.High), middle, axis.at(row.Highest), middle)
		p.line("range", axis.at(row.Usual), middle, axis.at(row.High), middle)
		p.mark("range-usual", axis.at(row.Usual), middle, diamond)
		p.mark("range-high", axis.at(row.High), middle, "M0 -6V6")
		p.mark("range-high", axis.at(row.Highest), middle, "M0 -4V4")
	}
	return p.svg(r.Alternative)
}

// grid is an axis under rows, and a line over all of them at each tick.
func (p *picture) grid(bottom float64, ticks []tick) {
	for _, t := range ticks {
		p.line("grid", t.at, 0, t.at, bottom)
	}
	p.axis(bottom, ticks)
}

// Letters that a row has room for, on the narrowest screen and on one that is not narrow.
const (
	narrowRoom = 40
	wideRoom   = 90
)

// name writes a row's name, as much of it as the screen has room for: the page shows
// one of the two where they differ.
func (p *picture) name(y float64, name, beside string) {
	narrow, wide := shortened(name, beside, narrowRoom), shortened(name, beside, wideRoom)
	if narrow == wide {
		p.textAt("label over", "start", 0, y, name)
		return
	}
	p.textAt("label over on-narrow", "start", 0, y, narrow)
	p.textAt("label over on-wide", "start", 0, y, wide)
}

// shortened leaves room for what stands at a row's end. Names differ at their ends
// more often than in their middle.
func shortened(name, beside string, room int) string {
	letters := []rune(name)
	most := max(8, room-utf8.RuneCountInString(beside)-2)
	if len(letters) <= most {
		return name
	}
	half := (most - 1) / 2
	return string(letters[:half]) + "…" + string(letters[len(letters)-half:])
}
