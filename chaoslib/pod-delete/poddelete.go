// Package poddelete is the fault: pods are deleted again and again, and come
// back in between. It keeps Litmus's tunables and their meaning; which pods, and
// how they come back, is its caller's.
package poddelete

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Target is a pod to delete.
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
	// Interval is CHAOS_INTERVAL. With a MinInterval below it each interval is a random one
	// of the whole seconds between the two (RANDOMNESS).
	MinInterval, Interval time.Duration
	// Serial has targets deleted one after another, each once the last one has come
	// back (SEQUENCE).
	Serial bool
	// AffectedPercent is the percentage of the targets that an interval hits, at least one of
	// them; 0 for all (PODS_AFFECTED_PERC).
	AffectedPercent int
	Clock           clock.Clock
	// Random returns a number from 0 up to n, which is not among them.
	Random func(n int64) int64
}

// Inject deletes the targets at every interval for as long as the fault lasts, and
// restores each after every deletion but the last. A target that took longer than
// an interval to come back is deleted at the next one that remains, and at once
// where none does: what it wrote must be at stake too. An interval longer than the
// fault ends with it. The errors are those of the targets, in their order: one that
// fails keeps no other from going on.
func (f Fault) Inject(ctx context.Context, targets ...Target) []error {
	draw := &lottery{of: len(targets), winners: len(targets), random: f.Random}
	if f.AffectedPercent > 0 {
		draw.winners = max(1, len(targets)*f.AffectedPercent/100)
	}
	turn := func(do func() error) error { return do() }
	if f.Serial {
		var one sync.Mutex
		turn = func(do func() error) error {
			one.Lock()
			defer one.Unlock()
			return do()
		}
	}
	errs := make([]error, len(targets))
	var all sync.WaitGroup
	for i, target := range targets {
		all.Go(func() {
			errs[i] = f.inject(ctx, target, turn, func(round int) bool { return draw.wins(round, i) })
		})
	}
	all.Wait()
	return errs
}

func (f Fault) inject(ctx context.Context, target Target, turn func(func() error) error, hit func(round int) bool) error {
	began, deletions := f.Clock.Now(), 0
	due := f.interval()
	for round := 0; ; round++ {
		if err := f.wait(ctx, min(due, f.Duration)-f.Clock.Since(began)); err != nil {
			return err
		}
		over := false
		err := turn(func() error {
			struck := hit(round)
			if struck {
				if err := target.Delete(ctx); err != nil {
					return fmt.Errorf("deletion %d: %w", deletions+1, err)
				}
				deletions++
			}
			due = f.next(due, f.Clock.Since(began))
			if over = due > f.Duration; over || !struck {
				return nil
			}
			if err := target.Restore(ctx); err != nil {
				return fmt.Errorf("recovering from deletion %d: %w", deletions, err)
			}
			return nil
		})
		if err != nil || over {
			return err
		}
		due = f.next(due, f.Clock.Since(began))
	}
}

// lottery draws which of the targets a round hits. All of them see the same draw.
type lottery struct {
	of, winners int
	random      func(n int64) int64

	mu    sync.Mutex
	drawn []map[int]bool // by round
}

func (l *lottery) wins(round, target int) bool {
	if l.winners >= l.of {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.drawn) <= round {
		l.drawn = append(l.drawn, l.draw())
	}
	return l.drawn[round][target]
}

func (l *lottery) draw() map[int]bool {
	left := make([]int, l.of)
	for i := range left {
		left[i] = i
	}
	winners := map[int]bool{}
	for range l.winners {
		i := l.random(int64(len(left)))
		winners[left[i]] = true
		left = append(left[:i], left[i+1:]...)
	}
	return winners
}

// next is when the first interval ends that is not over yet, that much into the fault.
func (f Fault) next(due, passed time.Duration) time.Duration {
	for due <= passed {
		due += f.interval()
	}
	return due
}

func (f Fault) interval() time.Duration {
	if f.MinInterval == 0 || f.MinInterval >= f.Interval {
		return f.Interval
	}
	return f.MinInterval + time.Duration(f.Random(int64((f.Interval-f.MinInterval)/time.Second)+1))*time.Second
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
