package chart

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"time"
)

// Timeline is what happened when: how much was promised, what was found of it, the
// times in which nothing was promised, and who was there.
type Timeline struct {
	Alternative string
	From, To    time.Time
	// Promised is how much had been promised at a time.
	Promised []Amount
	Looks    []Look
	Outages  []Outage
	Lanes    []Lane
	// Number writes an amount.
	Number func(float64) string
}

// Amount is how much there was at a time.
type Amount struct {
	At    time.Time
	Count float64
}

// Look is how much of what had been promised was found at a time.
type Look struct {
	At              time.Time
	Promised, Found float64
	Title           string
}

// Outage is a time in which nothing was promised. It begins with a deletion.
type Outage struct {
	From, To time.Time
	// Label stands over it, where there is room: the longest outage has it first.
	Label string
}

// Lane is a row of bars under the curve.
type Lane struct {
	Name string
	Bars []Bar
}

// Bar is a time of a lane.
type Bar struct {
	From, To time.Time
	Kind     BarKind
	Label    string // in it
	Title    string // for the pointer
}

// BarKind says what a bar shows, and so how it looks.
type BarKind string

// The kinds of bars.
const (
	Coming  BarKind = "coming"  // is being made
	Working BarKind = "working" // does its work
	Leaving BarKind = "leaving" // is being deleted
)

const (
	plotTop    = 30.0 // above it stand the labels of outages, and the deletions
	plotHeight = 150.0
	laneHeight = 38.0
	barHeight  = 15.0
)

// SVG draws the timeline.
func (t Timeline) SVG() template.HTML {
	bottom := plotTop + plotHeight
	p := &picture{height: bottom + 22 + laneHeight*float64(len(t.Lanes))}
	x := t.place
	top := 1.0
	for _, a := range t.Promised {
		top = max(top, a.Count)
	}
	top *= 1.06
	height := func(count float64) float64 { return bottom - plotHeight*count/top }

	for _, tick := range linearTicks(top, 3) {
		p.line("grid", 0, height(tick), 100, height(tick))
	}
	for _, o := range t.Outages {
		p.box("outage", x(o.From), x(o.To), plotTop, plotHeight, o.Label)
	}
	points := make([]point, 0, len(t.Promised))
	for _, a := range t.Promised {
		points = append(points, point{x(a.At), a.Count / top})
	}
	p.curve("promised", plotTop, plotHeight, points)
	t.looks(p, bottom, height)
	t.deletions(p, bottom)
	for _, tick := range linearTicks(top, 3) {
		p.textAt("axis value", "start", 0, height(tick)-4, t.Number(tick))
	}
	t.clock(p, bottom)
	t.lanes(p, bottom+22)
	return p.svg(t.Alternative)
}

// looks are how much was found when. What is missing is written where there is room:
// the last look has it first.
func (t Timeline) looks(p *picture, bottom float64, height func(float64) float64) {
	var taken []extent
	for _, l := range slices.Backward(t.Looks) {
		x := t.place(l.At)
		if l.Found < l.Promised {
			p.line("gone", x, height(l.Promised), x, height(l.Found))
			text := "−" + t.Number(l.Promised-l.Found)
			if room := extentOf(x, text); !slices.ContainsFunc(taken, room.meets) {
				taken = append(taken, room)
				anchor, beside := "end", x-0.8
				if anchorAt(x) == "start" {
					anchor, beside = "start", x+1.5
				}
				// Under what was found, where the curve is not, or over it at the bottom.
				under := height(l.Found) + 18
				if under > bottom-2 {
					under = height(l.Found) - 8
				}
				p.textAt("gone-text", anchor, beside, under, text)
			}
		}
		p.mark("found", x, height(l.Found), diamond)
	}
}

// deletions are where outages begin. With very many of them lines would hide the curve.
func (t Timeline) deletions(p *picture, bottom float64) {
	const manyLines = 20
	for _, o := range t.Outages {
		if len(t.Outages) <= manyLines {
			p.line("deletion", t.place(o.From), plotTop-4, t.place(o.From), bottom)
		}
		p.mark("deletion-mark", t.place(o.From), plotTop-4, downwards)
	}
	longest := slices.Clone(t.Outages)
	slices.SortStableFunc(longest, func(a, b Outage) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
	var taken []extent
	for _, o := range longest {
		place := (t.place(o.From) + t.place(o.To)) / 2
		room := extentOf(place, o.Label)
		if o.Label == "" || slices.ContainsFunc(taken, room.meets) {
			continue
		}
		taken = append(taken, room)
		p.text("label", place, plotTop-16, o.Label)
	}
}

func (t Timeline) place(at time.Time) float64 {
	return scale{0, t.To.Sub(t.From).Seconds(), false}.at(at.Sub(t.From).Seconds())
}

func (t Timeline) clock(p *picture, y float64) {
	times, layout := clockTicks(t.From, t.To, 5)
	ticks := make([]tick, 0, len(times))
	for _, at := range times {
		ticks = append(ticks, tick{t.place(at), at.Format(layout)})
	}
	p.axis(y, ticks)
}

func (t Timeline) lanes(p *picture, y float64) {
	for _, lane := range t.Lanes {
		p.textAt("axis", "start", 0, y+14, lane.Name)
		for _, bar := range lane.Bars {
			from, to := t.place(bar.From), t.place(bar.To)
			p.box("bar-"+string(bar.Kind), from, to, y+19, barHeight, bar.Title)
			const roomForALabel = 4
			if bar.Label != "" && to-from >= roomForALabel {
				p.textAt("in-bar", "middle", math.Round((from+to)*50)/100, y+19+barHeight-3.5, bar.Label)
			}
		}
		y += laneHeight
	}
}
