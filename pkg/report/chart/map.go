package chart

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
)

// Map shows many places, such as the slots of a file, as squares in rows.
type Map struct {
	Alternative string
	// Noun is what one place is, such as "slot".
	Noun string
	// Places is the number of places.
	Places uint64
	// Parts are ranges of places, in order. Places without a part are empty.
	Parts []MapPart
	// Format formats the number of a place.
	Format func(uint64) string
}

// MapPart is a range of places that look the same.
type MapPart struct {
	First, Last uint64
	Kind        PartKind
	Title       string
}

// The size of a map: at most mapColumns squares in each of mapRows rows.
const (
	mapColumns = 64
	mapRows    = 16
	squareSize = 14.0
)

// PerSquare returns the number of places that one square shows.
func (m Map) PerSquare() uint64 { return (m.Places + mapColumns*mapRows - 1) / (mapColumns * mapRows) }

// SVG draws the map. A square with several places has the look of the worst of them.
func (m Map) SVG() template.HTML {
	per := max(1, m.PerSquare())
	squares := (m.Places + per - 1) / per
	columns := max(1, min(mapColumns, squares))
	rows := (squares + columns - 1) / columns
	p := &picture{height: float64(rows)*squareSize + 22}
	bounds := func(square uint64) (uint64, uint64) { return square * per, min(m.Places, (square+1)*per) - 1 }
	for _, run := range m.runs(squares, columns, bounds) {
		from, to := float64(run.first%columns), float64(run.last%columns+1)
		first, _ := bounds(run.first)
		_, last := bounds(run.last)
		p.box(run.part.Kind.class(), from*100/float64(columns), to*100/float64(columns),
			float64(run.first/columns)*squareSize+1, squareSize-2, m.title(first, last, run.part, run.first == run.last))
	}
	if m.Places > 0 {
		below := float64(rows)*squareSize + 16
		p.textAt("axis", "start", 0, below, m.Noun+" "+m.Format(0))
		p.textAt("axis", "end", 100, below, m.Noun+" "+m.Format(m.Places-1))
	}
	return p.svg(m.Alternative)
}

// title is the tooltip of a run of squares.
func (m Map) title(first, last uint64, part MapPart, single bool) string {
	name := m.Noun + " " + m.Format(first)
	if last > first {
		name = fmt.Sprintf("%ss %s to %s", m.Noun, m.Format(first), m.Format(last))
	}
	if single && last > first && part.weight() > 0 && (part.First > first || part.Last < last) {
		return fmt.Sprintf("%s, of which %s %s: %s", name, m.Noun, m.Format(max(first, part.First)), part.Title)
	}
	return name + ": " + part.Title
}

// squareRun is a run of squares in one row that look the same.
type squareRun struct {
	first, last uint64
	part        MapPart
}

// runs returns the squares of each row, merged if they look the same and are not damaged.
func (m Map) runs(squares, columns uint64, bounds func(uint64) (uint64, uint64)) []squareRun {
	var runs []squareRun
	for square := range squares {
		first, last := bounds(square)
		part := m.worst(first, last)
		if n := len(runs); n > 0 && square%columns > 0 && part.weight() == 0 && runs[n-1].part.Kind == part.Kind &&
			runs[n-1].part.Title == part.Title {
			runs[n-1].last = square
			continue
		}
		runs = append(runs, squareRun{square, square, part})
	}
	return runs
}

// worst returns the part of a range of places that matters most.
func (m Map) worst(first, last uint64) MapPart {
	from, _ := slices.BinarySearchFunc(m.Parts, first, func(p MapPart, place uint64) int {
		return cmp.Compare(p.Last, place)
	})
	worst := MapPart{First: first, Last: last, Kind: Empty, Title: "no data"}
	for i := from; i < len(m.Parts) && m.Parts[i].First <= last; i++ {
		if p := m.Parts[i]; worst.Kind == Empty || p.weight() > worst.weight() {
			worst = p
		}
	}
	return worst
}

func (p MapPart) weight() int {
	switch p.Kind {
	case Lost:
		return 2
	case Damaged, Foreign:
		return 1
	default:
		return 0
	}
}

// The kinds of parts that only maps have.
const (
	Empty PartKind = "empty"
	Lost  PartKind = "lost" // with a finding
)

// class returns the class of a kind in the page's style sheet.
func (k PartKind) class() string {
	switch k {
	case Empty:
		return "absent"
	case Lost:
		return "lost"
	default:
		return "part-" + string(k)
	}
}
