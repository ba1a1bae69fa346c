package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// errSkipped reports that a task cannot be done on this computer. It is no failure of the measurement.
var errSkipped = errors.New("skipped")

// perBackend is how many events of one backend may run at the same time. Some backends need much processor time at the
// same step of every event, and would exceed their time limits if they all did so at once.
const perBackend = 2

// task is a part of a measurement: a preparation, or one event of one backend.
type task struct {
	name, backend string
	// isPreparation reports whether the task measures nothing, so that it needs no slot.
	isPreparation bool
	// needs are the preparations that must have succeeded before.
	needs []*task
	// expected is how long the task probably takes.
	expected time.Duration
	do       func(context.Context) error
	// started, ended and err belong to runAll.
	started, ended bool
	err            error
}

// isReady reports whether the task has not started yet, and all tasks that it needs have succeeded.
func (t *task) isReady() bool {
	return !t.started && !slices.ContainsFunc(t.needs, func(n *task) bool { return !n.ended || n.err != nil })
}

// schedule decides which tasks run.
type schedule struct {
	slots   int
	running []*task
}

// canStart reports whether a task can start now.
func (s *schedule) canStart(t *task) bool {
	switch {
	case !t.isReady():
		return false
	case t.isPreparation:
		return true
	}
	return count(s.running, func(r *task) bool { return !r.isPreparation }) < s.slots &&
		count(s.running, func(r *task) bool { return r.backend == t.backend }) < perBackend
}

// runAll runs all preparations that can start, and at most as many events at the same time as there are slots. Of the
// tasks that can start, the longest starts first. A task is left out if one that it needs failed, or if the context is
// done.
func runAll(ctx context.Context, tasks []*task, slots int) error {
	tasks = slices.Clone(tasks)
	slices.SortStableFunc(tasks, func(a, b *task) int { return cmp.Compare(b.expected, a.expected) })
	s, ended := schedule{slots: slots}, make(chan *task)
	for {
		for _, t := range tasks {
			if ctx.Err() != nil || !s.canStart(t) {
				continue
			}
			t.started = true
			s.running = append(s.running, t)
			go func() {
				t.err = t.do(ctx)
				ended <- t
			}()
		}
		if len(s.running) == 0 {
			return errors.Join(ctx.Err(), failures(tasks))
		}
		t := <-ended
		t.ended = true
		s.running = slices.DeleteFunc(s.running, func(r *task) bool { return r == t })
	}
}

// count counts the tasks for which a condition is true.
func count(tasks []*task, is func(*task) bool) int {
	n := 0
	for _, t := range tasks {
		if is(t) {
			n++
		}
	}
	return n
}

// failures joins the errors of tasks.
func failures(tasks []*task) error {
	var all []error
	for _, t := range tasks {
		if t.err != nil && !errors.Is(t.err, errSkipped) {
			all = append(all, fmt.Errorf("%s: %w", t.name, t.err))
		}
	}
	return errors.Join(all...)
}

// preparation returns a task that measures nothing. The task prints how long it took, unless that rounds to 0 s.
func preparation(name string, do func(context.Context) error, needs ...*task) *task {
	return &task{name: name, isPreparation: true, needs: needs, do: func(ctx context.Context) error {
		began := time.Now()
		err := do(ctx)
		if took := time.Since(began).Round(time.Second); took > 0 && err == nil {
			fmt.Fprintf(os.Stderr, "%s: (%d s) done\n", name, int(took.Seconds()))
		}
		return err
	}}
}
