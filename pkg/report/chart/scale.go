package chart

import (
	"math"
	"time"
)

// scale maps values to horizontal positions in percent.
type scale struct {
	from, to float64
	// log makes the scale logarithmic.
	log bool
}

// at returns the position of a value. A value outside the scale is at its edge.
func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		from, to, v = math.Log(from), math.Log(to), math.Log(max(v, s.from))
	}
	if to <= from {
		return 0
	}
	return 100 * min(1, max(0, (v-from)/(to-from)))
}

// ticksOn returns a tick for each value.
func ticksOn(axis scale, values []float64, format func(float64) string) []tick {
	ticks := make([]tick, 0, len(values))
	for _, v := range values {
		ticks = append(ticks, tick{axis.at(v), format(v)})
	}
	return ticks
}

// linearTicks returns round values from 0 to top, at most count of them besides 0.
func linearTicks(top float64, count int) []float64 {
	if top <= 0 || count < 1 {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(top/float64(count))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if top/(step*factor) <= float64(count) {
			step *= factor
			break
		}
	}
	var ticks []float64
	for i := 0; float64(i)*step <= top*(1+1e-9); i++ {
		ticks = append(ticks, float64(i)*step)
	}
	return ticks
}

// decades returns the powers of ten from one value to another. If these are few, it adds their multiples by 2 and 5.
func decades(from, to float64) []float64 {
	factors := []float64{1}
	if to/from < 300 {
		factors = []float64{1, 2, 5}
	}
	var ticks []float64
	for exponent := math.Floor(math.Log10(from)); exponent <= math.Ceil(math.Log10(to)); exponent++ {
		for _, factor := range factors {
			if v := factor * math.Pow(10, exponent); v >= from*(1-1e-9) && v <= to*(1+1e-9) {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

var clockSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// clockTicks returns about count round times of day in UTC, and the layout in which to format them.
func clockTicks(from, to time.Time, count int) (ticks []time.Time, layout string) {
	step := clockSteps[len(clockSteps)-1]
	for _, s := range clockSteps {
		if to.Sub(from)/s <= time.Duration(count) {
			step = s
			break
		}
	}
	layout = "15:04:05"
	switch {
	case step >= 24*time.Hour:
		layout = "2006-01-02"
	case step >= time.Minute:
		layout = "15:04"
	}
	first := from.UTC().Truncate(step)
	if first.Before(from) {
		first = first.Add(step)
	}
	// A very long run has few ticks, too.
	stride := step
	for to.Sub(first)/stride > time.Duration(count) {
		stride *= 2
	}
	for at := first; !at.After(to); at = at.Add(stride) {
		ticks = append(ticks, at)
	}
	return ticks, layout
}
