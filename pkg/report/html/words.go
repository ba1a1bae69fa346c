package html

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// unknown stands where there is no value.
const unknown = "–"

// space keeps a number and its unit on one line.
const space = "\u00a0"

// grouped writes a whole number with its thousands apart.
func grouped[N ~int | ~int64 | ~uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + space + s[i:]
	}
	return s
}

func groupedFloat(n float64) string { return grouped(int64(math.Round(n))) }

// counted writes how many there are of what.
func counted[N ~int | ~int64 | ~uint64](n N, what string) string {
	if n == 1 {
		return "1" + space + what
	}
	return grouped(n) + space + what + "s"
}

// lasting writes a duration as a person says it; what is not known is a dash.
func lasting(d time.Duration) string {
	switch {
	case d <= 0:
		return unknown
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + space + "µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + space + "ms"
	case d < time.Minute:
		return digits(d.Seconds()) + space + "s"
	case d < time.Hour:
		d = d.Round(time.Second)
		return pair(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	default:
		d = d.Round(time.Minute)
		return pair(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	}
}

func pair(large int, unit string, small int, smaller string) string {
	s := fmt.Sprint(large) + space + unit
	if small > 0 {
		s += space + fmt.Sprint(small) + space + smaller
	}
	return s
}

// digits writes about three digits that mean something.
func digits(n float64) string {
	decimals := 0
	switch {
	case n < 10:
		decimals = 2
	case n < 100:
		decimals = 1
	}
	return strconv.FormatFloat(n, 'f', decimals, 64)
}

// onAxis writes a round duration of microseconds.
func onAxis(microseconds float64) string {
	short := func(n float64, unit string) string { return strconv.FormatFloat(n, 'g', 4, 64) + space + unit }
	switch {
	case microseconds >= 1e6:
		return short(microseconds/1e6, "s")
	case microseconds >= 1e3:
		return short(microseconds/1e3, "ms")
	default:
		return short(microseconds, "µs")
	}
}

func secondsOnAxis(seconds float64) string {
	if seconds == 0 {
		return "0"
	}
	return onAxis(seconds * 1e6)
}

// bytesOnAxis writes an offset in the largest unit that it fills.
func bytesOnAxis(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= unit.size {
			return strconv.FormatFloat(n/unit.size, 'g', 4, 64) + space + unit.name
		}
	}
	return strconv.FormatFloat(n, 'g', 4, 64)
}

// moment is a time of a day, clock the time alone, in UTC; empty where it is not known.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func clock(t time.Time) string {
	if t.IsZero() {
		return unknown
	}
	return t.UTC().Format("15:04:05.000")
}
