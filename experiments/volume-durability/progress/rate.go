package progress

import (
	"math"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// rateWindow is the time over which a rate is measured.
const rateWindow = 3 * time.Second

// minRateSpan is the shortest time over which a rate is shown: over a shorter one it says little.
const minRateSpan = time.Second

// rate measures how fast a count has grown recently, by the clock of who counted. The time at which a count arrives
// says little, because a log that is opened late delivers all earlier acknowledgements at once.
type rate struct {
	samples []sample
}

type sample struct {
	at    time.Time
	count uint64
}

// add adds a sample, which must not be older than the last one. It drops the samples before the window but the last
// one, which is the base of the growth.
func (r *rate) add(at time.Time, count uint64) {
	r.samples = append(r.samples, sample{at, count})
	for len(r.samples) > 1 && at.Sub(r.samples[1].at) >= rateWindow {
		r.samples = r.samples[1:]
	}
}

// perSecond returns the growth per second in the window that ends with the last sample. Known is false if the samples
// are too few, or too close to each other.
func (r *rate) perSecond() (perSecond float64, known bool) {
	if len(r.samples) < 2 {
		return 0, false
	}
	first, last := r.samples[0], r.samples[len(r.samples)-1]
	span := last.at.Sub(first.at)
	if span < minRateSpan {
		return 0, false
	}
	return float64(last.count-first.count) / span.Seconds(), true
}

// formatRate formats a rate as a whole number.
func formatRate(perSecond float64) string { return judge.FormatCount(uint64(math.Round(perSecond))) }
