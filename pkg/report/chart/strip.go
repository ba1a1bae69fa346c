package chart

import (
	"html/template"
	"strings"
)

// Strip is a file from its first byte to its last.
type Strip struct {
	Alternative string
	// Length is that of the file, or what it should be, where that is more.
	Length int64
	Pieces []Piece
	Marks  []Mark
	// Parts name stretches of the file, under it.
	Parts []Part
	// Number writes an offset.
	Number func(float64) string
}

// Piece is a range of bytes. What no piece covers is not there.
type Piece struct {
	From, To int64
	Kind     PieceKind
	Title    string
}

// PieceKind says what is known of the bytes, and so how they look.
type PieceKind string

// The kinds of pieces.
const (
	Promised   PieceKind = "kept"       // promised, and there
	Unpromised PieceKind = "unpromised" // there, and nobody was promised it
	Damaged    PieceKind = "damaged"
	Strange    PieceKind = "strange" // was never written here
)

// Mark points at a range of bytes by a label.
type Mark struct {
	From, To int64
	Label    string
}

// Part is a named stretch.
type Part struct {
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
	p.box("absent", 0, 100, stripTop+1, stripHeight-2, "") // covered by what is there
	for _, piece := range s.Pieces {
		p.box("piece-"+string(piece.Kind), x(piece.From), x(piece.To), stripTop, stripHeight, piece.Title)
	}
	for _, m := range s.Marks {
		p.box("lost", x(m.From), x(m.To), stripTop-3, stripHeight+6, m.Label)
		p.mark("lost-mark", x(m.From), stripTop-3, downwards)
	}
	for _, l := range gather(s.Marks, x) {
		p.text("label strong", l.x, stripTop-13, l.label)
	}
	for _, part := range s.Parts {
		p.line("part", x(part.From), bottom+2, x(part.From), bottom+10)
		const roomForAName = 6
		if x(part.To)-x(part.From) >= roomForAName {
			p.textAt("axis", "middle", (x(part.From)+x(part.To))/2, bottom+15, part.Name)
		}
	}
	p.axis(bottom+22, ticksOn(bytes, linearTicks(float64(s.Length), 4), s.Number))
	return p.svg(s.Alternative)
}

type label struct {
	x     float64
	label string
}

// gather puts the labels of marks that are close together into one, so that none covers another.
func gather(marks []Mark, x func(int64) float64) []label {
	const close = 7
	var all []label
	for _, m := range marks {
		at := x(m.From)
		if last := len(all) - 1; last >= 0 && at-all[last].x < close {
			first, _, _ := strings.Cut(all[last].label, "–")
			all[last].label = first + "–" + m.Label
			continue
		}
		all = append(all, label{at, m.Label})
	}
	return all
}
