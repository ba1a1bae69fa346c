package chart

import (
	"html/template"
	"time"
)

// Spans are rows of spans on a common axis with the time of day.
type Spans struct {
	Alternative string
	From, To    time.Time
	Rows        []SpanRow
}

// SpanRow is one row, with its total at the end.
type SpanRow struct {
	Name, Total string
	Spans       []Span
}

// Span is an interval in a row.
type Span struct {
	From, To time.Time
	// Class selects the look of the span.
	Class string
	// Label is written into the span if narrow screens have room for it. Title is the tooltip.
	Label, Title string
}

// SVG draws the rows.
func (s Spans) SVG() template.HTML {
	bottom := rowHeight * float64(len(s.Rows))
	p := &picture{height: bottom + 24}
	place := Timeline{From: s.From, To: s.To}.place
	times, layout := clockTicks(s.From, s.To, 5)
	ticks := make([]tick, 0, len(times))
	for _, at := range times {
		ticks = append(ticks, tick{place(at), at.Format(layout)})
	}
	p.grid(bottom, ticks)
	for i, row := range s.Rows {
		y := rowHeight * float64(i)
		p.name(y+rowText, row.Name, row.Total)
		p.textAt("label over", "end", 100, y+rowText, row.Total)
		spans := make([]span, 0, len(row.Spans))
		for _, one := range row.Spans {
			spans = append(spans, span{place(one.From), place(one.To), one.Class, one.Title})
		}
		for _, one := range thinSpans(spans, func(string) int { return 0 }) {
			p.box(one.class, one.from, one.to, y+rowText+5, rowBar, one.text)
		}
		for _, one := range row.Spans {
			p.labelIn(place(one.From), place(one.To), y+rowText+5+rowBar-3, one.Label)
		}
	}
	return p.svg(s.Alternative)
}

// labelIn writes a text into the middle of a span, if narrow screens have room for it.
func (p *picture) labelIn(from, to, y float64, text string) {
	room := extentOf(50, text)
	if text != "" && to-from > room.to-room.from {
		p.textAt("in-span", "middle", (from+to)/2, y, text)
	}
}
