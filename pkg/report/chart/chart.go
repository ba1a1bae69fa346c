// Package chart draws SVG charts: a timeline, a strip of bytes, a distribution, steps, spans, ranges.
//
// It does not depend on volumes or verdicts, and the same numbers give the same chart. A chart is as wide as its
// container while its text keeps its size: horizontal positions are in percent, heights in pixels. The page's style
// sheet colours the shapes by their classes.
package chart

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Patterns are the fill patterns that charts refer to. A page needs them once.
const Patterns template.HTML = `<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>` +
	`<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
	`<path class="hatch" d="M0 0V6"/></pattern>` +
	`<pattern id="hatch-dense" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">` +
	`<path class="hatch-dense" d="M0 0V4"/></pattern></defs></svg>`

// picture is an unfinished drawing. Its horizontal positions are in percent of its width.
type picture struct {
	height float64
	shapes strings.Builder
}

// svg returns the drawing with a text alternative.
func (p *picture) svg(alternative string) template.HTML {
	// The shapes have only numbers, classes of this package and escaped text.
	return template.HTML(fmt.Sprintf(`<svg class="chart" role="img" aria-label="%s" width="100%%" height="%s">%s</svg>`,
		escaped(alternative), number(p.height), p.shapes.String()))
}

func (p *picture) write(format string, values ...any) { fmt.Fprintf(&p.shapes, format, values...) }

// box draws a rectangle with a tooltip.
func (p *picture) box(class string, from, to, y, height float64, title string) {
	p.write(`<rect class="%s" x="%s%%" y="%s" width="%s%%" height="%s">`,
		class, number(from), number(y), number(max(0, to-from)), number(height))
	if title != "" {
		p.write(`<title>%s</title>`, escaped(title))
	}
	p.write(`</rect>`)
}

func (p *picture) line(class string, x1, y1, x2, y2 float64) {
	p.write(`<line class="%s" x1="%s%%" y1="%s" x2="%s%%" y2="%s"/>`,
		class, number(x1), number(y1), number(x2), number(y2))
}

// text centres a text on its position; near an edge, where it would be cut off, it starts or ends there.
func (p *picture) text(class string, x, y float64, text string) {
	p.textAt(class, anchorAt(x), x, y, text)
}

func anchorAt(x float64) string {
	const edge = 10
	switch {
	case x < edge:
		return "start"
	case x > 100-edge:
		return "end"
	default:
		return "middle"
	}
}

// tick is a position on an axis and its label.
type tick struct {
	at   float64
	text string
}

// axis draws ticks, and the labels that have room.
func (p *picture) axis(y float64, ticks []tick) {
	var taken []extent
	for _, t := range ticks {
		p.line("tick", t.at, y, t.at, y+4)
		room := extentOf(t.at, t.text)
		if slices.ContainsFunc(taken, room.overlaps) {
			continue
		}
		taken = append(taken, room)
		p.text("axis", t.at, y+16, t.text)
	}
}

// extent is the space of a text in percent, on the narrowest screen.
type extent struct{ from, to float64 }

func extentOf(x float64, text string) extent {
	const letter = 2.5
	width := letter * float64(utf8.RuneCountInString(text))
	switch anchorAt(x) {
	case "start":
		return extent{x, x + width}
	case "end":
		return extent{x - width, x}
	default:
		return extent{x - width/2, x + width/2}
	}
}

// overlaps reports whether two texts would touch.
func (e extent) overlaps(other extent) bool {
	const gap = 1.5
	return e.from < other.to+gap && other.from < e.to+gap
}

func (p *picture) textAt(class, anchor string, x, y float64, text string) {
	p.write(`<text class="%s" text-anchor="%s" x="%s%%" y="%s">%s</text>`,
		class, anchor, number(x), number(y), escaped(text))
}

// mark draws a small symbol of a fixed size around its position.
func (p *picture) mark(class string, x, y float64, path string) {
	p.write(`<svg x="%s%%" y="%s" width="1" height="1" overflow="visible"><path class="%s" d="%s"/></svg>`, number(x), number(y), class, path)
}

// The symbols.
const (
	downwards = "M-4.5 -8H4.5L0 0Z"
	diamond   = "M0 -4.5L4.5 0L0 4.5L-4.5 0Z"
)

// point is a position in a band of the picture: x in percent, y as a fraction of the band's height from the bottom.
type point struct{ x, y float64 }

// curve draws a line through points and the area under it.
func (p *picture) curve(class string, y, height float64, points []point) {
	if len(points) == 0 {
		return
	}
	var d strings.Builder
	for i, at := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", command, number(at.x*10), number(height*(1-at.y)))
	}
	first, last := points[0], points[len(points)-1]
	area := fmt.Sprintf("%sL%s %sL%s %sZ",
		d.String(), number(last.x*10), number(height), number(first.x*10), number(height))
	p.write(`<svg y="%s" width="100%%" height="%s" viewBox="0 0 1000 %s" preserveAspectRatio="none">`,
		number(y), number(height), number(height))
	p.write(`<path class="%s-area" d="%s"/><path class="%s" vector-effect="non-scaling-stroke" d="%s"/></svg>`,
		class, area, class, d.String())
}

// number formats a number with at most two decimals.
func number(n float64) string {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(n*100)/100, 'f', -1, 64)
}

func escaped(s string) string { return template.HTMLEscapeString(s) }
