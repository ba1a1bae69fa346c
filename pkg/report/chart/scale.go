package chart

import (
	"math"
	"time"
)

// scale places values along a picture, in percent.
type scale struct {
	from, to float64
	// log says that equal ratios are equally far apart.
	log bool
}

// at is the place of a value. What is outside stands at the edge.
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

// ticksOn places values, and says how they are written.
func ticksOn(axis scale, values []float64, write func(float64) string) []tick {
	ticks := make([]tick, 0, len(values))
	for _, v := range values {
		ticks = append(ticks, tick{axis.at(v), write(v)})
	}
	return ticks
}

// linearTicks are round values from 0 to the top, at most so many beside 0.
func linearTicks(top float64, most int) []float64 {
	if top <= 0 || most < 1 {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(top/float64(most))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if top/(step*factor) <= float64(most) {
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

// decades are the powers of ten from one value to another; with few of them, twice
// and five times them too.
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

// clockTicks are round times of day in UTC, at most so many, and the layout to write them in.
func clockTicks(from, to time.Time, most int) (ticks []time.Time, layout string) {
	step := clockSteps[len(clockSteps)-1]
	for _, s := range clockSteps {
		if to.Sub(from)/s <= time.Duration(most) {
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
	// A run that lasts for very long still has few ticks.
	stride := step
	for to.Sub(first)/stride > time.Duration(most) {
		stride *= 2
	}
	for at := first; !at.After(to); at = at.Add(stride) {
		ticks = append(ticks, at)
	}
	return ticks, layout
}
