package chart

import (
	"html/template"
	"math"
)

// Distribution is a histogram on a logarithmic axis.
type Distribution struct {
	Alternative string
	Bins        []Bin
	Points      []Quantile
	// Format formats a value of the axis.
	Format func(float64) string
}

// Bin counts the values from From to To.
type Bin struct {
	From, To float64
	Count    int64
}

// Quantile is a value that is marked with a line.
type Quantile struct {
	Value float64
	Label string
}

// binsPerDecade is the resolution of a distribution.
const binsPerDecade = 10

// Rebin returns the same counts in adjacent bins that are equally wide on a logarithmic axis. A count goes to the bin
// that contains the middle of its old one.
func Rebin(bins []Bin) []Bin {
	if len(bins) == 0 {
		return nil
	}
	index := func(v float64) int { return int(math.Floor(math.Log10(max(v, 1e-9))*binsPerDecade + 1e-9)) }
	edge := func(i int) float64 { return math.Pow(10, float64(i)/binsPerDecade) }
	middle := func(b Bin) float64 { return (b.From + b.To) / 2 }
	first, last := index(middle(bins[0])), index(middle(bins[len(bins)-1]))
	even := make([]Bin, last-first+1)
	for i := range even {
		even[i] = Bin{From: edge(first + i), To: edge(first + i + 1)}
	}
	for _, b := range bins {
		even[min(max(index(middle(b)), first), last)-first].Count += b.Count
	}
	return even
}

const (
	labelRow   = 15.0
	distHeight = 110.0
)

// SVG draws the distribution. Its bins should be those of Rebin.
func (d Distribution) SVG() template.HTML {
	top := labelRow*float64(len(d.Points)) + 4
	bottom := top + distHeight
	p := &picture{height: bottom + 20}
	if len(d.Bins) == 0 {
		return p.svg(d.Alternative)
	}
	axis := scale{d.Bins[0].From / 1.3, d.Bins[len(d.Bins)-1].To * 1.3, true}
	var most int64 = 1
	for _, b := range d.Bins {
		most = max(most, b.Count)
	}
	for _, b := range d.Bins {
		if b.Count == 0 {
			continue
		}
		// A single value among millions stays visible.
		const minHeight = 2
		height := max(minHeight, distHeight*float64(b.Count)/float64(most))
		p.box("bin", axis.at(b.From), axis.at(b.To), bottom-height, height, "")
	}
	p.line("base", 0, bottom, 100, bottom)
	for i, q := range d.Points {
		y := labelRow * float64(i+1)
		p.line("quantile", axis.at(q.Value), y-2, axis.at(q.Value), bottom)
		anchor, x := "start", axis.at(q.Value)+0.8
		if axis.at(q.Value) > 60 {
			anchor, x = "end", axis.at(q.Value)-0.8
		}
		p.textAt("label", anchor, x, y+3, q.Label)
	}
	p.axis(bottom, ticksOn(axis, decades(axis.from, axis.to), d.Format))
	return p.svg(d.Alternative)
}
