// Package poddelete is the fault: a pod is deleted again and again, and comes
// back in between. It keeps Litmus's tunables and their meaning; which pod, and
// how it comes back, is its caller's.
package poddelete

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"
)

// Target is the pod to delete.
type Target interface {
	// Delete deletes the pod that is alive and returns once it is gone.
	Delete(ctx context.Context) error
	// Restore brings a new one and returns once it is at work.
	Restore(ctx context.Context) error
}

// Fault says when to delete.
type Fault struct {
	// Duration is TOTAL_CHAOS_DURATION, Interval CHAOS_INTERVAL.
	Duration, Interval time.Duration
	Clock              clock.Clock
}

// Inject deletes the target at every interval for as long as the fault lasts, at
// least once, and restores it after every deletion but the last. A target that
// took longer than an interval to come back is deleted at the next one that
// remains, and at once where none does: what it wrote must be at stake too. It
// returns how many deletions it made.
func (f Fault) Inject(ctx context.Context, target Target) (deletions int, err error) {
	began := f.Clock.Now()
	for {
		passed := f.Clock.Since(began)
		if err := f.wait(ctx, min(f.due(passed), f.Duration)-passed); err != nil {
			return deletions, err
		}
		if err := target.Delete(ctx); err != nil {
			return deletions, fmt.Errorf("deletion %d: %w", deletions+1, err)
		}
		deletions++
		if f.due(f.Clock.Since(began)) > f.Duration {
			return deletions, nil
		}
		if err := target.Restore(ctx); err != nil {
			return deletions, fmt.Errorf("coming back from deletion %d: %w", deletions, err)
		}
	}
}

// due is when the next interval ends, that much into the fault.
func (f Fault) due(passed time.Duration) time.Duration {
	return (passed/f.Interval + 1) * f.Interval
}

func (f Fault) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := f.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
