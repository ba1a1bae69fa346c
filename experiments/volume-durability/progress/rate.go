package progress

import (
	"math"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// rateWindow is the time over which a rate is measured.
const rateWindow = 3 * time.Second

// rate measures how fast a count has grown recently.
type rate struct {
	samples []sample
}

type sample struct {
	at    time.Time
	count uint64
}

// add adds a sample, which must not be older than the last one.
func (r *rate) add(at time.Time, count uint64) {
	r.samples = append(r.samples, sample{at, count})
	r.dropOld(at)
}

// dropOld drops the samples before the window but the last one, which is the base of the
// growth.
func (r *rate) dropOld(now time.Time) {
	for len(r.samples) > 1 && now.Sub(r.samples[1].at) >= rateWindow {
		r.samples = r.samples[1:]
	}
}

// perSecond returns the growth per second in the window that ends now. Known is false if there are too few samples.
func (r *rate) perSecond(now time.Time) (perSecond float64, known bool) {
	r.dropOld(now)
	if len(r.samples) < 2 {
		return 0, false
	}
	first, last := r.samples[0], r.samples[len(r.samples)-1]
	elapsed := now.Sub(first.at).Seconds()
	if elapsed <= 0 {
		return 0, false
	}
	return float64(last.count-first.count) / elapsed, true
}

// formatRate formats a rate as a whole number.
func formatRate(perSecond float64) string { return judge.FormatCount(uint64(math.Round(perSecond))) }
