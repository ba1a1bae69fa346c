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
	// Duration is TOTAL_CHAOS_DURATION.
	Duration time.Duration
	// Interval is CHAOS_INTERVAL. With a Least below it each interval is a random one
	// of the whole seconds between the two (RANDOMNESS).
	Least, Interval time.Duration
	Clock           clock.Clock
	// Random returns a number from 0 up to n, which is not among them.
	Random func(n int64) int64
}

// Inject deletes the target at every interval for as long as the fault lasts, at
// least once, and restores it after every deletion but the last. A target that
// took longer than an interval to come back is deleted at the next one that
// remains, and at once where none does: what it wrote must be at stake too. It
// returns how many deletions it made.
func (f Fault) Inject(ctx context.Context, target Target) (deletions int, err error) {
	began := f.Clock.Now()
	for due := f.interval(); ; due = f.next(due, f.Clock.Since(began)) {
		if err := f.wait(ctx, min(due, f.Duration)-f.Clock.Since(began)); err != nil {
			return deletions, err
		}
		if err := target.Delete(ctx); err != nil {
			return deletions, fmt.Errorf("deletion %d: %w", deletions+1, err)
		}
		deletions++
		if due = f.next(due, f.Clock.Since(began)); due > f.Duration {
			return deletions, nil
		}
		if err := target.Restore(ctx); err != nil {
			return deletions, fmt.Errorf("coming back from deletion %d: %w", deletions, err)
		}
	}
}

// next is when the first interval ends that is not over yet, that much into the fault.
func (f Fault) next(due, passed time.Duration) time.Duration {
	for due <= passed {
		due += f.interval()
	}
	return due
}

func (f Fault) interval() time.Duration {
	if f.Least == 0 || f.Least >= f.Interval {
		return f.Interval
	}
	return f.Least + time.Duration(f.Random(int64((f.Interval-f.Least)/time.Second)+1))*time.Second
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
