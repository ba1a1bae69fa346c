// Package poddelete executes the chaos: it decides when pods are deleted and restored. The caller passes the pods that
// may be deleted, and deletes and restores them through Target. With AffectedPercent, the package chooses some of them
// at random at each interval. The options have the same meaning as in Litmus.
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
	// Delete deletes the pod and returns once it is gone.
	Delete(ctx context.Context) error
	// Restore creates the pod again and returns once it does its work.
	Restore(ctx context.Context) error
}

// Fault describes when pods are deleted.
type Fault struct {
	// Duration is TOTAL_CHAOS_DURATION.
	Duration time.Duration
	// Interval is CHAOS_INTERVAL. If MinInterval is set and shorter, every interval is a random whole number of
	// seconds between the two (RANDOMNESS).
	MinInterval, Interval time.Duration
	// Serial deletes the targets one after another, each once the previous one is restored (SEQUENCE).
	Serial bool
	// AffectedPercent is the percentage of targets to delete at each interval, at least one. 0 means all
	// (PODS_AFFECTED_PERC).
	AffectedPercent int
	Clock           clock.Clock
	// Random returns a number in [0, n).
	Random func(n int64) int64
}

// Inject deletes the targets at each interval until Duration is over. It restores a target after each deletion except
// the last one. If a target is not restored when a deletion is due, that deletion is skipped. The last deletion is
// not skipped but made later, because data that was written since the previous deletion must be tested too. An
// interval that is longer than Duration ends with Duration.
//
// Inject returns one error for each target, in the order of the targets. A target that fails does not stop the others.
func (f Fault) Inject(ctx context.Context, targets ...Target) []error {
	selected := f.newSelection(len(targets))
	inTurn := func(do func() error) error { return do() }
	if f.Serial {
		var mu sync.Mutex
		inTurn = func(do func() error) error {
			mu.Lock()
			defer mu.Unlock()
			return do()
		}
	}
	errs := make([]error, len(targets))
	var all sync.WaitGroup
	for i, target := range targets {
		all.Go(func() {
			isSelected := func(round int) bool { return selected.contains(round, i) }
			errs[i] = f.injectOne(ctx, target, inTurn, isSelected)
		})
	}
	all.Wait()
	return errs
}

// injectOne injects the fault into one target. inTurn calls a function when it is the target's turn.
func (f Fault) injectOne(
	ctx context.Context, target Target, inTurn func(func() error) error, isSelected func(round int) bool,
) error {
	began, deletions := f.Clock.Now(), 0
	due := f.interval()
	for round := 0; ; round++ {
		if err := f.wait(ctx, min(due, f.Duration)-f.Clock.Since(began)); err != nil {
			return err
		}
		isLast := false
		err := inTurn(func() error {
			deleted := isSelected(round)
			if deleted {
				if err := target.Delete(ctx); err != nil {
					return fmt.Errorf("deletion %d: %w", deletions+1, err)
				}
				deletions++
			}
			due = f.nextDue(due, f.Clock.Since(began))
			if isLast = due > f.Duration; isLast || !deleted {
				return nil
			}
			if err := target.Restore(ctx); err != nil {
				return fmt.Errorf("recovering from deletion %d: %w", deletions, err)
			}
			return nil
		})
		if err != nil || isLast {
			return err
		}
		due = f.nextDue(due, f.Clock.Since(began))
	}
}

// selection chooses at random which targets each round deletes. It is the same for all targets.
type selection struct {
	targets, perRound int
	random            func(n int64) int64

	mu     sync.Mutex
	rounds []map[int]bool
}

func (f Fault) newSelection(targets int) *selection {
	s := &selection{targets: targets, perRound: targets, random: f.Random}
	if f.AffectedPercent > 0 {
		s.perRound = max(1, targets*f.AffectedPercent/100)
	}
	return s
}

// contains reports whether a round deletes a target.
func (s *selection) contains(round, target int) bool {
	if s.perRound >= s.targets {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.rounds) <= round {
		s.rounds = append(s.rounds, s.choose())
	}
	return s.rounds[round][target]
}

func (s *selection) choose() map[int]bool {
	rest := make([]int, s.targets)
	for i := range rest {
		rest[i] = i
	}
	chosen := map[int]bool{}
	for range s.perRound {
		i := s.random(int64(len(rest)))
		chosen[rest[i]] = true
		rest = append(rest[:i], rest[i+1:]...)
	}
	return chosen
}

// nextDue returns the end of the first interval that is not over when elapsed has passed since the fault began.
func (f Fault) nextDue(due, elapsed time.Duration) time.Duration {
	for due <= elapsed {
		due += f.interval()
	}
	return due
}

func (f Fault) interval() time.Duration {
	if f.MinInterval == 0 || f.MinInterval >= f.Interval {
		return f.Interval
	}
	choices := int64((f.Interval-f.MinInterval)/time.Second) + 1
	return f.MinInterval + time.Duration(f.Random(choices))*time.Second
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
