package html

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// dash is shown for a value that is missing.
const dash = "–"

// space is a no-break space: a number and its unit stay on one line.
const space = "\u00a0"

// grouped formats a whole number in groups of three digits.
func grouped[N ~int | ~int64 | ~uint64](n N) string { return unbreakable(judge.FormatCount(n)) }

func unbreakable(s string) string { return strings.ReplaceAll(s, " ", space) }

func groupedFloat(n float64) string { return grouped(int64(math.Round(n))) }

// counted is judge.Count with an unbreakable number.
func counted[N ~int | ~int64 | ~uint64](n N, noun string) string {
	number := judge.FormatCount(n)
	return unbreakable(number) + strings.TrimPrefix(judge.Count(n, noun), number)
}

// formatDuration formats a duration with about three digits; one that is not known is a dash. The digits are rounded
// before the unit is chosen, so that it never returns 1000 ms or 60.0 s.
func formatDuration(d time.Duration) string {
	d = d.Round(time.Microsecond / 100)
	switch {
	case d <= 0:
		return dash
	case d.Round(time.Microsecond) < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + space + "µs"
	case d.Round(time.Millisecond) < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + space + "ms"
	case d.Round(time.Second/10) < time.Minute:
		return digits(d.Seconds()) + space + "s"
	case d.Round(time.Second) < time.Hour:
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

// digits formats a number below 1000 with three significant digits, or fewer decimals.
func digits(n float64) string {
	decimals := 0
	switch {
	case n < 9.995: // rounded, it has one digit before the point
		decimals = 2
	case n < 99.95:
		decimals = 1
	}
	return strconv.FormatFloat(n, 'f', decimals, 64)
}

// formatMicroseconds formats a round duration on an axis.
func formatMicroseconds(microseconds float64) string {
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

func formatSeconds(seconds float64) string {
	if seconds == 0 {
		return "0"
	}
	return formatMicroseconds(seconds * 1e6)
}

// formatBytes formats a round offset on an axis.
func formatBytes(n float64) string {
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

// formatTime formats a date and time in UTC; empty if it is not known.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// formatClock formats a time of day in UTC; a dash if it is not known.
func formatClock(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("15:04:05.000")
}
