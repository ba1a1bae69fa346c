package helper

import (
	"context"
	"time"
)

// rateLimiter determines how many records the next commit has.
type rateLimiter struct {
	rate  float64 // records per second; 0 for no limit
	max   int     // records in one commit
	start time.Time
	done  float64
}

func newRateLimiter(rate float64, maxRecords int) *rateLimiter {
	return &rateLimiter{rate: rate, max: maxRecords, start: time.Now()}
}

// next waits until at least one record is due, and returns how many records are due. It
// returns an error if the context has ended.
func (l *rateLimiter) next(ctx context.Context) (int, error) {
	if l.rate == 0 {
		return l.max, ctx.Err()
	}
	for {
		due := 1 + l.rate*time.Since(l.start).Seconds() - l.done
		if n := min(int(due), l.max); n > 0 {
			l.done += float64(n)
			return n, ctx.Err()
		}
		timer := time.NewTimer(time.Duration((1 - due) / l.rate * float64(time.Second)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		}
	}
}
