package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// recorder records the order in which tasks start.
type recorder struct {
	mu      sync.Mutex
	started []string
}

func (r *recorder) task(name string, expected time.Duration, err error, needs ...*task) *task {
	return &task{name: name, expected: expected, needs: needs, do: func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.started = append(r.started, name)
		return err
	}}
}

func TestRunAll_StartsTheLongestFirst(t *testing.T) {
	var r recorder
	tasks := []*task{r.task("short", 1, nil), r.task("long", 3, nil), r.task("medium", 2, nil)}
	assert.NoError(t, runAll(t.Context(), tasks, 1))
	assert.Equal(t, []string{"long", "medium", "short"}, r.started)
}

func TestRunAll_DoesNotWaitForAPreparationOfOthers(t *testing.T) {
	var r recorder
	short := r.task("short", 1, nil)
	// The preparation ends only after a task that does not need it.
	slow := preparation("build", func(ctx context.Context) error { return r.await(ctx, "short") })
	long := r.task("long", 2, nil, slow)
	assert.NoError(t, runAll(t.Context(), []*task{long, short, slow}, 1))
	assert.Equal(t, []string{"short", "long"}, r.started)
}

// await waits until a task has started.
func (r *recorder) await(ctx context.Context, name string) error {
	return until(ctx, name, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.started) > 0 && r.started[0] == name
	})
}

func TestRunAll_LeavesOutWhatNeedsAFailedTask(t *testing.T) {
	var r recorder
	broken, absent := r.task("broken", 1, errors.New("no compiler")), r.task("absent", 1, errSkipped)
	tasks := []*task{
		broken, absent, r.task("a", 2, nil, broken), r.task("b", 2, nil, absent),
		r.task("c", 2, nil, r.task("never", 0, nil)), r.task("other", 0, nil),
	}
	assert.EqualError(t, runAll(t.Context(), tasks, 2), "broken: no compiler")
	assert.ElementsMatch(t, []string{"broken", "absent", "other"}, r.started)
}

func TestSchedule_HasSlotsForTasksThatMeasure(t *testing.T) {
	s := schedule{slots: 2, running: []*task{{backend: "a"}, {isPreparation: true}}}
	assert.True(t, s.canStart(&task{backend: "b"}))
	s.running = append(s.running, &task{backend: "b"})
	assert.False(t, s.canStart(&task{backend: "c"}))
	assert.True(t, s.canStart(&task{isPreparation: true}))
}

func TestSchedule_RunsTwoTasksOfOneBackendAtTheSameTime(t *testing.T) {
	s := schedule{slots: 9, running: []*task{{backend: "a"}, {backend: "b"}}}
	assert.True(t, s.canStart(&task{backend: "a"}))
	s.running = append(s.running, &task{backend: "a"})
	assert.False(t, s.canStart(&task{backend: "a"}))
}

func TestRunAll_StartsNoTaskAfterTheContextIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var r recorder
	last := &task{expected: 2, do: func(context.Context) error { cancel(); return nil }}
	assert.ErrorIs(t, runAll(ctx, []*task{last, r.task("later", 1, nil)}, 1), context.Canceled)
	assert.Empty(t, r.started)
}
