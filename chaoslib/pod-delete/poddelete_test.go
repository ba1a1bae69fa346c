package poddelete

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// target notes when it was deleted, and takes its time to come back.
type target struct {
	clock    *clocktesting.FakeClock
	began    time.Time
	comeback time.Duration
	dying    time.Duration
	deleted  []time.Duration
	restored int
	err      error
}

func (t *target) Delete(context.Context) error {
	t.deleted = append(t.deleted, t.clock.Since(t.began))
	t.clock.Step(t.dying)
	return nil
}

func (t *target) Restore(context.Context) error {
	t.clock.Step(t.comeback)
	t.restored++
	return t.err
}

// inject runs a fault on a clock that jumps to whatever is waited for.
func inject(t *testing.T, duration, interval, comeback time.Duration) *target {
	t.Helper()
	fake := clocktesting.NewFakeClock(time.Unix(0, 0))
	hit := &target{clock: fake, began: fake.Now(), comeback: comeback, dying: time.Second}
	return injectFault(t, Fault{Duration: duration, Interval: interval, Clock: jumping{fake}}, hit)
}

func injectFault(t *testing.T, fault Fault, hit *target) *target {
	t.Helper()
	deletions, err := fault.Inject(t.Context(), hit)
	require.NoError(t, err)
	assert.Len(t, hit.deleted, deletions)
	assert.Equal(t, deletions-1, hit.restored, "it comes back from every deletion but the last")
	return hit
}

// jumping is a fake clock on which every timer fires at once, at its time.
type jumping struct{ *clocktesting.FakeClock }

func (j jumping) NewTimer(d time.Duration) clock.Timer {
	timer := j.FakeClock.NewTimer(d)
	j.Step(d)
	return timer
}

func TestDeletionsComeAtEveryInterval(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name                         string
		duration, interval, comeback time.Duration
		want                         []time.Duration
	}{
		{"the defaults", 30 * s, 10 * s, 2 * s, []time.Duration{10 * s, 20 * s, 30 * s}},
		{"an interval that does not divide the duration", 25 * s, 10 * s, 2 * s, []time.Duration{10 * s, 20 * s}},
		{"an interval longer than the duration", 5 * s, 10 * s, 2 * s, []time.Duration{5 * s}},
		{"a slow comeback misses an interval", 50 * s, 10 * s, 12 * s, []time.Duration{10 * s, 30 * s, 50 * s}},
		{"a comeback after the end is deleted at once", 20 * s, 10 * s, 25 * s, []time.Duration{10 * s, 36 * s}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, inject(t, c.duration, c.interval, c.comeback).deleted)
		})
	}
}

func TestATargetThatDoesNotComeBackEndsTheFault(t *testing.T) {
	fake := clocktesting.NewFakeClock(time.Unix(0, 0))
	hit := &target{clock: fake, began: fake.Now(), err: errors.New("no node")}
	deletions, err := Fault{Duration: time.Minute, Interval: time.Second, Clock: jumping{fake}}.Inject(t.Context(), hit)
	assert.ErrorContains(t, err, "coming back from deletion 1: no node")
	assert.Equal(t, 1, deletions)
}

func TestTheFaultEndsWithItsContext(t *testing.T) {
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	_, err := Fault{Duration: time.Hour, Interval: time.Hour, Clock: clocktesting.NewFakeClock(time.Unix(0, 0))}.Inject(ctx, &target{})
	assert.ErrorIs(t, err, stopped)
}

func TestRandomIntervalsStayWithinTheirBounds(t *testing.T) {
	const s = time.Second
	fake := clocktesting.NewFakeClock(time.Unix(0, 0))
	hit := &target{clock: fake, began: fake.Now(), dying: 0}
	var asked []int64
	draws := []int64{0, 5, 2}
	random := func(n int64) int64 {
		asked = append(asked, n)
		return draws[(len(asked)-1)%len(draws)]
	}
	injectFault(t, Fault{Duration: 30 * s, Least: 5 * s, Interval: 10 * s, Clock: jumping{fake}, Random: random}, hit)
	assert.Equal(t, []time.Duration{5 * s, 15 * s, 22 * s, 27 * s}, hit.deleted)
	for _, n := range asked {
		assert.Equal(t, int64(6), n, "5 to 10 seconds, both included")
	}
}
