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

// target records when it was deleted. Its deletion and recovery take time.
type target struct {
	clock    *clocktesting.FakeClock
	began    time.Time
	recovery time.Duration
	deletion time.Duration
	deleted  []time.Duration
	restored int
	err      error
}

func (t *target) Delete(context.Context) error {
	t.deleted = append(t.deleted, t.clock.Since(t.began))
	t.clock.Step(t.deletion)
	return nil
}

func (t *target) Restore(context.Context) error {
	t.clock.Step(t.recovery)
	t.restored++
	return t.err
}

// inject runs a fault on a clock on which no wait takes time.
func inject(t *testing.T, duration, interval, recovery time.Duration) *target {
	t.Helper()
	fake := clocktesting.NewFakeClock(time.Unix(0, 0))
	target := &target{clock: fake, began: fake.Now(), recovery: recovery, deletion: time.Second}
	return injectFault(t, Fault{Duration: duration, Interval: interval, Clock: jumping{fake}}, target)
}

func injectFault(t *testing.T, fault Fault, one *target) *target {
	t.Helper()
	require.NoError(t, fault.Inject(t.Context(), one)[0])
	assert.Equal(t, len(one.deleted)-1, one.restored, "it is restored after every deletion but the last")
	return one
}

// jumping is a fake clock on which every timer fires at once, at its time.
type jumping struct{ *clocktesting.FakeClock }

func (j jumping) NewTimer(d time.Duration) clock.Timer {
	timer := j.FakeClock.NewTimer(d)
	j.Step(d)
	return timer
}

func TestInject_DeletesAtEveryInterval(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name                         string
		duration, interval, recovery time.Duration
		want                         []time.Duration
	}{
		{"the defaults", 30 * s, 10 * s, 2 * s, []time.Duration{10 * s, 20 * s, 30 * s}},
		{"an interval that does not divide the duration", 25 * s, 10 * s, 2 * s, []time.Duration{10 * s, 20 * s}},
		{"an interval longer than the duration", 5 * s, 10 * s, 2 * s, []time.Duration{5 * s}},
		{"a slow recovery misses an interval", 50 * s, 10 * s, 12 * s, []time.Duration{10 * s, 30 * s, 50 * s}},
		{"after a recovery beyond the end it is deleted at once", 20 * s, 10 * s, 25 * s, []time.Duration{10 * s, 36 * s}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, inject(t, c.duration, c.interval, c.recovery).deleted)
		})
	}
}

func TestInject_EndsIfATargetCannotBeRestored(t *testing.T) {
	fake := clocktesting.NewFakeClock(time.Unix(0, 0))
	target := &target{clock: fake, began: fake.Now(), err: errors.New("no node")}
	errs := Fault{Duration: time.Minute, Interval: time.Second, Clock: jumping{fake}}.Inject(t.Context(), target)
	assert.ErrorContains(t, errs[0], "recovering from deletion 1: no node")
	assert.Len(t, target.deleted, 1)
}

func TestInject_EndsWithItsContext(t *testing.T) {
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	fault := Fault{Duration: time.Hour, Interval: time.Hour, Clock: clocktesting.NewFakeClock(time.Unix(0, 0))}
	errs := fault.Inject(ctx, &target{})
	assert.ErrorIs(t, errs[0], stopped)
}

func TestInject_RandomIntervalsAreWithinTheirBounds(t *testing.T) {
	const s = time.Second
	fake := clocktesting.NewFakeClock(time.Unix(0, 0))
	target := &target{clock: fake, began: fake.Now()}
	var bounds []int64
	draws := []int64{0, 5, 2}
	random := func(n int64) int64 {
		bounds = append(bounds, n)
		return draws[(len(bounds)-1)%len(draws)]
	}
	fault := Fault{Duration: 30 * s, MinInterval: 5 * s, Interval: 10 * s, Clock: jumping{fake}, Random: random}
	injectFault(t, fault, target)
	assert.Equal(t, []time.Duration{5 * s, 15 * s, 22 * s, 27 * s}, target.deleted)
	for _, n := range bounds {
		assert.Equal(t, int64(6), n, "5 to 10 seconds, both included")
	}
}

// group is a set of targets that records what was done to them, in order.
type group struct {
	mu       sync.Mutex
	deleted  []int
	restored []int
	last     int  // the target deleted last
	overlap  bool // a target was restored after another one had been deleted
}

type member struct {
	*group
	number int
	err    error
}

func (m *member) Delete(context.Context) error {
	m.mu.Lock()
	m.deleted = append(m.deleted, m.number)
	m.last = m.number
	m.mu.Unlock()
	for range 1000 { // let the other targets run
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

func (g *group) members(n int) []Target {
	var all []Target
	for i := range n {
		all = append(all, &member{group: g, number: i})
	}
	return all
}

func TestInject_DeletesAPercentageOfTheTargets(t *testing.T) {
	for affected, want := range map[int]int{0: 30, 100: 30, 50: 15, 1: 3, 39: 9} {
		g := &group{}
		fault := Fault{
			Duration: 30 * time.Second, Interval: 10 * time.Second, AffectedPercent: affected, Random: rand.Int64N,
		}
		for _, err := range fault.injectApart(t, g.members(10)) {
			require.NoError(t, err)
		}
		assert.Len(t, g.deleted, want, "%d %%", affected)
	}
}

// injectApart injects a fault with a clock for each target, because every wait moves its clock.
func (f Fault) injectApart(t *testing.T, targets []Target) []error {
	t.Helper()
	selected := f.newSelection(len(targets))
	inTurn := func(do func() error) error { return do() }
	var errs []error
	for i, target := range targets {
		f.Clock = jumping{clocktesting.NewFakeClock(time.Unix(0, 0))}
		isSelected := func(round int) bool { return selected.contains(round, i) }
		errs = append(errs, f.injectOne(t.Context(), target, inTurn, isSelected))
	}
	return errs
}

func TestInject_SerialRestoresBeforeTheNextDeletion(t *testing.T) {
	g := &group{}
	fault := Fault{
		Duration: 20 * time.Millisecond, Interval: time.Millisecond, Serial: true,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
	targets := g.members(8)
	for _, err := range fault.Inject(t.Context(), targets...) {
		require.NoError(t, err)
	}
	assert.GreaterOrEqual(t, len(g.deleted), 8)
	assert.False(t, g.overlap)
}

func TestInject_AFailedTargetDoesNotStopTheOthers(t *testing.T) {
	g := &group{}
	broken := errors.New("no such pod")
	targets := append(g.members(2), &member{group: g, number: 2, err: broken})
	fault := Fault{Duration: time.Millisecond, Interval: time.Millisecond, Clock: clock.RealClock{}, Random: rand.Int64N}
	errs := fault.Inject(t.Context(), targets...)
	assert.NoError(t, errs[0])
	assert.NoError(t, errs[1])
	assert.ErrorIs(t, errs[2], broken)
}
