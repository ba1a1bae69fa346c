package chart

import (
	"html/template"
	"strings"
)

// Strip shows the bytes of a file from first to last.
type Strip struct {
	Alternative string
	// Length is the length of the file, or the expected length if that is greater.
	Length int64
	Parts  []Part
	Marks  []Mark
	// Sections are named under the strip.
	Sections []Section
	// Format formats an offset.
	Format func(float64) string
}

// Part is a range of bytes. Bytes without a part are missing.
type Part struct {
	From, To int64
	Kind     PartKind
	Title    string
}

// PartKind selects the look of a part.
type PartKind string

// The kinds of parts.
const (
	Acked   PartKind = "acked"   // acknowledged and intact
	Unacked PartKind = "unacked" // intact, not acknowledged
	Damaged PartKind = "damaged"
	Foreign PartKind = "foreign" // of another journal
)

// Mark highlights a range of bytes with a label.
type Mark struct {
	From, To int64
	Label    string
}

// Section is a named range of bytes.
type Section struct {
	From, To int64
	Name     string
}

const (
	stripTop    = 26.0
	stripHeight = 30.0
)

// SVG draws the strip.
func (s Strip) SVG() template.HTML {
	p := &picture{height: stripTop + stripHeight + 44}
	bottom := stripTop + stripHeight
	bytes := scale{0, float64(s.Length), false}
	x := func(offset int64) float64 { return bytes.at(float64(offset)) }
	p.box("absent", 0, 100, stripTop+1, stripHeight-2, "") // the parts cover it
	parts := make([]span, 0, len(s.Parts))
	for _, part := range s.Parts {
		parts = append(parts, span{x(part.From), x(part.To), "part-" + string(part.Kind), part.Title})
	}
	for _, part := range thinSpans(parts, partWeight) {
		p.box(part.class, part.from, part.to, stripTop, stripHeight, part.text)
	}
	for _, m := range s.Marks {
		p.box("lost", x(m.From), x(m.To), stripTop-3, stripHeight+6, m.Label)
		p.mark("lost-mark", x(m.From), stripTop-3, downwards)
	}
	for _, l := range mergedLabels(s.Marks, x) {
		p.text("label strong", l.x, stripTop-13, l.label)
	}
	for _, section := range s.Sections {
		const visible = 0.5
		if len(s.Sections) > maxMarks && x(section.To)-x(section.From) < visible {
			continue
		}
		p.line("part", x(section.From), bottom+2, x(section.From), bottom+10)
		const roomForAName = 6
		if x(section.To)-x(section.From) >= roomForAName {
			p.textAt("axis", "middle", (x(section.From)+x(section.To))/2, bottom+15, section.Name)
		}
	}
	p.axis(bottom+22, ticksOn(bytes, linearTicks(float64(s.Length), 4), s.Format))
	return p.svg(s.Alternative)
}

// partWeight makes the rare parts visible among very many.
func partWeight(class string) int {
	switch class {
	case "part-" + string(Damaged), "part-" + string(Foreign):
		return 1
	default:
		return 0
	}
}

type label struct {
	x     float64
	label string
}

// mergedLabels merges the labels of marks that are too close together for separate ones.
func mergedLabels(marks []Mark, x func(int64) float64) []label {
	const minDistance = 7
	var all []label
	for _, m := range marks {
		at := x(m.From)
		if last := len(all) - 1; last >= 0 && at-all[last].x < minDistance {
			first, _, _ := strings.Cut(all[last].label, "–")
			all[last].label = first + "–" + m.Label
			continue
		}
		all = append(all, label{at, m.Label})
	}
	return all
}
