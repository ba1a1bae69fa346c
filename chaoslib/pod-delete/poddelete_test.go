package poddelete

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
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
	require.NoError(t, fault.Inject(t.Context(), hit)[0])
	assert.Equal(t, len(hit.deleted)-1, hit.restored, "it comes back from every deletion but the last")
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
	errs := Fault{Duration: time.Minute, Interval: time.Second, Clock: jumping{fake}}.Inject(t.Context(), hit)
	assert.ErrorContains(t, errs[0], "recovering from deletion 1: no node")
	assert.Len(t, hit.deleted, 1)
}

func TestTheFaultEndsWithItsContext(t *testing.T) {
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	errs := Fault{Duration: time.Hour, Interval: time.Hour, Clock: clocktesting.NewFakeClock(time.Unix(0, 0))}.Inject(ctx, &target{})
	assert.ErrorIs(t, errs[0], stopped)
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
	injectFault(t, Fault{Duration: 30 * s, MinInterval: 5 * s, Interval: 10 * s, Clock: jumping{fake}, Random: random}, hit)
	assert.Equal(t, []time.Duration{5 * s, 15 * s, 22 * s, 27 * s}, hit.deleted)
	for _, n := range asked {
		assert.Equal(t, int64(6), n, "5 to 10 seconds, both included")
	}
}

// crowd are targets that note what was done to which of them, in order.
type crowd struct {
	mu       sync.Mutex
	deleted  []int
	restored []int
	last     int  // was deleted, and is not back
	overlap  bool // something was done to another one before it was back
}

type member struct {
	*crowd
	number int
	err    error
}

func (m *member) Delete(context.Context) error {
	m.mu.Lock()
	m.deleted = append(m.deleted, m.number)
	m.last = m.number
	m.mu.Unlock()
	for range 1000 { // whoever may go on now does
		runtime.Gosched()
	}
	return m.err
}

func (m *member) Restore(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restored = append(m.restored, m.number)
	m.overlap = m.overlap || m.last != m.number
	return nil
}

func (c *crowd) members(n int) []Target {
	var all []Target
	for i := range n {
		all = append(all, &member{crowd: c, number: i})
	}
	return all
}

func TestAPercentageOfTheTargetsIsHitAtEachInterval(t *testing.T) {
	for affected, want := range map[int]int{0: 30, 100: 30, 50: 15, 1: 3, 39: 9} {
		c := &crowd{}
		fault := Fault{Duration: 30 * time.Second, Interval: 10 * time.Second, AffectedPercent: affected, Clock: jumping{clocktesting.NewFakeClock(time.Unix(0, 0))}, Random: rand.Int64N}
		// One clock for each target: each jumps to what it waits for.
		for _, err := range fault.injectApart(t, c.members(10)) {
			require.NoError(t, err)
		}
		assert.Len(t, c.deleted, want, "%d %%", affected)
	}
}

// injectApart injects a fault whose targets do not share a clock that jumps.
func (f Fault) injectApart(t *testing.T, targets []Target) []error {
	t.Helper()
	draw := &lottery{of: len(targets), winners: len(targets), random: f.Random}
	if f.AffectedPercent > 0 {
		draw.winners = max(1, len(targets)*f.AffectedPercent/100)
	}
	var errs []error
	for i, target := range targets {
		f.Clock = jumping{clocktesting.NewFakeClock(time.Unix(0, 0))}
		errs = append(errs, f.inject(t.Context(), target, func(do func() error) error { return do() }, func(round int) bool { return draw.wins(round, i) }))
	}
	return errs
}

func TestInSerialOneIsBackBeforeTheNextIsHit(t *testing.T) {
	c := &crowd{}
	fault := Fault{Duration: 20 * time.Millisecond, Interval: time.Millisecond, Serial: true, Clock: clock.RealClock{}, Random: rand.Int64N}
	targets := c.members(8)
	for _, err := range fault.Inject(t.Context(), targets...) {
		require.NoError(t, err)
	}
	assert.GreaterOrEqual(t, len(c.deleted), 8)
	assert.False(t, c.overlap)
}

func TestATargetThatFailsKeepsNoOtherFromGoingOn(t *testing.T) {
	c := &crowd{}
	broken := errors.New("no such pod")
	targets := append(c.members(2), &member{crowd: c, number: 2, err: broken})
	fault := Fault{Duration: time.Millisecond, Interval: time.Millisecond, Clock: clock.RealClock{}, Random: rand.Int64N}
	errs := fault.Inject(t.Context(), targets...)
	assert.NoError(t, errs[0])
	assert.NoError(t, errs[1])
	assert.ErrorIs(t, errs[2], broken)
}
