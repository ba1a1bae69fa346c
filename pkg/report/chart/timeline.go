package chart

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"time"
)

// Timeline shows over time how many records were acknowledged, how many of them each read found, the recoveries, and
// the lifetimes of pods.
type Timeline struct {
	Alternative string
	From, To    time.Time
	// Acked is the number of acknowledged records.
	Acked      []Amount
	Reads      []ReadPoint
	Recoveries []Recovery
	Lanes      []Lane
	// Format formats an amount.
	Format func(float64) string
}

// Amount is a count at a time.
type Amount struct {
	At    time.Time
	Count float64
}

// ReadPoint is how many of the acknowledged records a read found.
type ReadPoint struct {
	At           time.Time
	Acked, Found float64
}

// Recovery is a time without acknowledgements. It begins with a deletion.
type Recovery struct {
	From, To time.Time
	// Label is written above the recovery if there is room. Longer recoveries have priority.
	Label string
}

// Lane is a row of bars under the curve.
type Lane struct {
	Name string
	Bars []Bar
}

// Bar is an interval in a lane.
type Bar struct {
	From, To time.Time
	Kind     BarKind
	Label    string // inside the bar
	Title    string // the tooltip
}

// BarKind selects the look of a bar.
type BarKind string

// The kinds of bars.
const (
	Starting BarKind = "starting"
	Running  BarKind = "running"
	Deleting BarKind = "deleting"
)

const (
	plotTop    = 30.0 // leaves room for the marks of deletions and the labels of recoveries
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
	for _, a := range t.Acked {
		top = max(top, a.Count)
	}
	top *= 1.06
	height := func(count float64) float64 { return bottom - plotHeight*count/top }

	for _, tick := range linearTicks(top, 3) {
		p.line("grid", 0, height(tick), 100, height(tick))
	}
	for _, o := range t.drawnRecoveries() {
		p.box("recovery", x(o.From), x(o.To), plotTop, plotHeight, o.Label)
	}
	points := make([]point, 0, len(t.Acked))
	for _, a := range t.Acked {
		points = append(points, point{x(a.At), a.Count / top})
	}
	p.curve("acked", plotTop, plotHeight, thinPoints(points))
	t.reads(p, bottom, height)
	t.deletions(p, bottom)
	for _, tick := range linearTicks(top, 3) {
		p.textAt("axis value", "start", 0, height(tick)-4, t.Format(tick))
	}
	t.clock(p, bottom)
	t.lanes(p, bottom+22)
	return p.svg(t.Alternative)
}

// reads marks how many records each read found. It writes how many are missing if there is room. Later reads have
// priority.
func (t Timeline) reads(p *picture, bottom float64, height func(float64) float64) {
	var taken []extent
	reads := thinMarks(t.Reads, func(r ReadPoint) float64 { return t.place(r.At) }, func(a, b ReadPoint) int {
		return cmp.Compare(a.Acked-a.Found, b.Acked-b.Found)
	})
	for _, r := range slices.Backward(reads) {
		x := t.place(r.At)
		if r.Found < r.Acked {
			p.line("gone", x, height(r.Acked), x, height(r.Found))
			text := "−" + t.Format(r.Acked-r.Found)
			if room := extentOf(x, text); !slices.ContainsFunc(taken, room.overlaps) {
				taken = append(taken, room)
				anchor, beside := "end", x-0.8
				if anchorAt(x) == "start" {
					anchor, beside = "start", x+1.5
				}
				// The label goes below the mark, clear of the curve; at the bottom it goes above.
				under := height(r.Found) + 18
				if under > bottom-2 {
					under = height(r.Found) - 8
				}
				p.textAt("gone-text", anchor, beside, under, text)
			}
		}
		p.mark("found", x, height(r.Found), diamond)
	}
}

// deletions marks the beginning of each recovery. Very many lines would hide the curve, so then there are only marks.
func (t Timeline) deletions(p *picture, bottom float64) {
	const maxLines = 20
	for _, o := range thinMarks(t.Recoveries, t.deletion, longer) {
		if len(t.Recoveries) <= maxLines {
			p.line("deletion", t.place(o.From), plotTop-4, t.place(o.From), bottom)
		}
		p.mark("deletion-mark", t.place(o.From), plotTop-4, downwards)
	}
	longest := slices.Clone(t.Recoveries)
	slices.SortStableFunc(longest, func(a, b Recovery) int { return longer(b, a) })
	var taken []extent
	for _, o := range longest {
		place := (t.place(o.From) + t.place(o.To)) / 2
		room := extentOf(place, o.Label)
		if o.Label == "" || slices.ContainsFunc(taken, room.overlaps) {
			continue
		}
		taken = append(taken, room)
		p.text("label", place, plotTop-16, o.Label)
	}
}

// MaxRecoveries is the number of recoveries up to which a timeline draws each of them. If there are more, it draws the
// longest.
const MaxRecoveries = 100

// drawnRecoveries returns the recoveries that are drawn as areas.
func (t Timeline) drawnRecoveries() []Recovery {
	if len(t.Recoveries) <= MaxRecoveries {
		return t.Recoveries
	}
	longest := slices.Clone(t.Recoveries)
	slices.SortStableFunc(longest, func(a, b Recovery) int { return longer(b, a) })
	return longest[:MaxRecoveries]
}

func (t Timeline) deletion(o Recovery) float64 { return t.place(o.From) }

func longer(a, b Recovery) int { return cmp.Compare(a.To.Sub(a.From), b.To.Sub(b.From)) }

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
		var bars []span
		for _, bar := range lane.Bars {
			bars = append(bars, span{t.place(bar.From), t.place(bar.To), "bar-" + string(bar.Kind), bar.Title})
		}
		for _, s := range thinSpans(bars, func(string) int { return 0 }) {
			p.box(s.class, s.from, s.to, y+19, barHeight, s.text)
		}
		for _, bar := range lane.Bars {
			from, to := t.place(bar.From), t.place(bar.To)
			const roomForALabel = 4
			if bar.Label != "" && to-from >= roomForALabel {
				p.textAt("in-bar", "middle", math.Round((from+to)*50)/100, y+19+barHeight-3.5, bar.Label)
			}
		}
		y += laneHeight
	}
}
