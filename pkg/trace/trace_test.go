package trace_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
)

var start = time.Date(2026, 11, 24, 12, 46, 47, 0, time.UTC)

// at returns a time in milliseconds after the start.
func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func step(name result.StepName, pod string, epoch, from, to int) result.Step {
	return result.Step{Name: name, Pod: pod, Epoch: epoch, StartedAt: at(from), EndedAt: at(to)}
}

// checkTrace checks that each step begins when the step before it ends, that the steps last from one time to another,
// and that the totals have the same sum.
func checkTrace(t *testing.T, found *result.Trace, from, to time.Time) {
	t.Helper()
	require.NotNil(t, found)
	var sum time.Duration
	next := from
	for _, s := range found.Steps {
		require.Equal(t, next, s.StartedAt, s)
		require.True(t, s.EndedAt.After(s.StartedAt), s)
		next = s.EndedAt
	}
	assert.Equal(t, to, next)
	for _, total := range found.Totals {
		assert.LessOrEqual(t, total.Max, total.Sum)
		sum += total.Sum
	}
	assert.Equal(t, to.Sub(from), sum)
}

func TestTrace_OfACellWithOneDeletion(t *testing.T) {
	var r trace.Recorder
	r.Begin(result.CreatingClaim, 0, at(0))
	r.Begin(result.CreatingPod, 1, at(100))
	r.Begin(result.Terminating, 1, at(5000))
	r.Begin(result.ReadingLog, 1, at(6000))
	r.Begin(result.Waiting, 0, at(6010))
	r.BeginInsteadOfWaiting(result.CreatingPod, 2, at(6011))
	r.Begin(result.Detaching, 0, at(9000))
	r.Begin(result.CreatingPod, 0, at(9100))
	r.Begin(result.Judging, 0, at(9910))
	r.Begin(result.Waiting, 0, at(10000))
	r.Begin(result.Removing, 0, at(10500))
	r.End(at(12000))
	writer, reader := result.Pod{Name: "write-pod"}, result.Pod{Name: "read-pod"}
	first, second := result.Epoch{Number: 1, Pod: writer, FirstAckAt: at(2000)}, result.Epoch{Number: 2, Pod: writer}
	first.CreatedAt, first.ScheduledAt, first.AttachedAt = at(110), at(500), at(1000)
	first.MountedAt, first.StartedAt = at(1400), at(1500)
	second.CreatedAt, second.ScheduledAt, second.StartedAt, second.FirstAckAt = at(6020), at(6030), at(6500), at(6600)
	reader.CreatedAt, reader.ScheduledAt, reader.StartedAt = at(9110), at(9120), at(9500)
	found := r.Trace(trace.Pods{
		Claim:  &result.Claim{Created: true, BoundAt: at(400)},
		Epochs: []result.Epoch{first, second}, Reader: reader, ReceivedAt: at(9900),
	})
	checkTrace(t, found, at(0), at(12000))
	assert.Equal(t, []result.Step{
		step(result.CreatingClaim, "", 0, 0, 100),
		step(result.CreatingPod, "write-pod", 1, 100, 110),
		step(result.Provisioning, "write-pod", 1, 110, 400),
		step(result.Scheduling, "write-pod", 1, 400, 500),
		step(result.Attaching, "write-pod", 1, 500, 1000),
		step(result.Mounting, "write-pod", 1, 1000, 1400),
		step(result.Starting, "write-pod", 1, 1400, 1500),
		step(result.FirstAck, "write-pod", 1, 1500, 2000),
		step(result.Writing, "write-pod", 1, 2000, 5000),
		step(result.Terminating, "write-pod", 1, 5000, 6000),
		step(result.ReadingLog, "write-pod", 1, 6000, 6010),
		step(result.CreatingPod, "write-pod", 2, 6010, 6020),
		step(result.Scheduling, "write-pod", 2, 6020, 6030),
		step(result.Starting, "write-pod", 2, 6030, 6500), // the steps between were not observed
		step(result.FirstAck, "write-pod", 2, 6500, 6600),
		step(result.Writing, "write-pod", 2, 6600, 9000),
		step(result.Detaching, "", 0, 9000, 9100),
		step(result.CreatingPod, "read-pod", 0, 9100, 9110),
		step(result.Scheduling, "read-pod", 0, 9110, 9120),
		step(result.Starting, "read-pod", 0, 9120, 9500),
		step(result.Reading, "read-pod", 0, 9500, 9900),
		step(result.Judging, "", 0, 9900, 10000),
		step(result.Waiting, "", 0, 10000, 10500),
		step(result.Removing, "", 0, 10500, 12000),
	}, found.Steps)
	assert.Contains(t, found.Totals, result.StepTotal{
		Name: result.Starting, Count: 3, Sum: 950 * time.Millisecond, Max: 470 * time.Millisecond,
	})
}

func TestTrace_AStepThatNeverEndedHasTheNameThatWasReported(t *testing.T) {
	for name, tc := range map[string]struct {
		awaited, want result.StepName
		pod           result.Pod
	}{
		"no pod":    {"", result.CreatingPod, result.Pod{}},
		"no report": {"", result.Scheduling, result.Pod{CreatedAt: at(1)}},
		"a mount":   {result.Mounting, result.Mounting, result.Pod{CreatedAt: at(1), ScheduledAt: at(2)}},
		"an older report": {
			result.Mounting, result.Starting, result.Pod{CreatedAt: at(1), ScheduledAt: at(2), MountedAt: at(3)},
		},
		"an unknown step": {"dancing", result.Attaching, result.Pod{CreatedAt: at(1), ScheduledAt: at(2)}},
		"a later start":   {"", result.Scheduling, result.Pod{CreatedAt: at(1), ScheduledAt: at(200)}},
		"no ack":          {result.Starting, result.FirstAck, result.Pod{CreatedAt: at(1), StartedAt: at(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			var r trace.Recorder
			r.Begin(result.CreatingPod, 1, at(0))
			r.Await(tc.awaited)
			r.Begin(result.Waiting, 0, at(100))
			r.End(at(150))
			found := r.Trace(trace.Pods{Epochs: []result.Epoch{{Number: 1, Pod: tc.pod}}})
			checkTrace(t, found, at(0), at(150))
			assert.Equal(t, tc.want, found.Steps[len(found.Steps)-2].Name)
		})
	}
}

func TestTrace_OfACellWithoutStepsIsAbsent(t *testing.T) {
	assert.Nil(t, new(trace.Recorder).Trace(trace.Pods{}))
}

func TestTrace_OfAWriterThatWasNotCreated(t *testing.T) {
	var r trace.Recorder
	r.Begin(result.CreatingPod, 1, at(0))
	r.End(at(10))
	assert.Equal(t, []result.Step{step(result.CreatingPod, "", 1, 0, 10)}, r.Trace(trace.Pods{}).Steps)
}

// record records a cell with this many deletions. The recovery from deletion i takes took(i) milliseconds.
func record(deletions int, took func(int) int) (r trace.Recorder, pods trace.Pods, end int) {
	return recordWith(deletions, took, func(*trace.Recorder, trace.Pods) {})
}

// recordWith calls afterEach when a writer has been created after a deletion.
func recordWith(
	deletions int, took func(int) int, afterEach func(*trace.Recorder, trace.Pods),
) (r trace.Recorder, pods trace.Pods, end int) {
	now := 0
	r.Begin(result.CreatingPod, 1, at(now))
	for n := 1; n <= deletions+1; n++ {
		e := result.Epoch{Number: n, Pod: result.Pod{Name: "write-pod", CreatedAt: at(now + 1), ScheduledAt: at(now + 2)}}
		now += took(n - 1)
		e.StartedAt, e.FirstAckAt = at(now-2), at(now)
		pods.Epochs = append(pods.Epochs, e)
		now += 1000
		r.Begin(result.Terminating, n, at(now))
		r.Begin(result.ReadingLog, n, at(now+1))
		r.Begin(result.Waiting, 0, at(now+2))
		if n <= deletions {
			r.BeginInsteadOfWaiting(result.CreatingPod, n+1, at(now+3))
			afterEach(&r, pods)
		}
	}
	r.Begin(result.Removing, 0, at(now+10))
	r.End(at(now + 20))
	return r, pods, now + 20
}

func TestTrace_ListsTheFirstAndTheSlowestRecoveries(t *testing.T) {
	const deletions = 5000
	slow := map[int]int{1: 20, 2: 900, 7: 901, 8: 902, 100: 903, 2500: 904, 2501: 905, 3000: 906, 4999: 907, 5000: 908}
	r, pods, end := record(deletions, func(n int) int { return max(10, slow[n]) })
	found := r.Trace(pods)
	checkTrace(t, found, at(0), at(end))
	assert.Less(t, len(found.Steps), 120)
	left := 0
	listed := map[int]bool{}
	for _, s := range found.Steps {
		left += s.Deletions
		if s.Name == result.Terminating {
			listed[s.Epoch] = true
		}
	}
	assert.Equal(t, deletions-10, left)
	for n := range slow {
		assert.True(t, listed[n], n)
	}
	assert.Len(t, listed, len(slow)+1, "the last deletion had no recovery")
	for _, total := range found.Totals {
		if total.Name == result.Terminating {
			assert.Equal(t, result.StepTotal{
				Name: result.Terminating, Count: deletions + 1, Sum: (deletions + 1) * time.Millisecond, Max: time.Millisecond,
			}, total)
		}
	}
}

func TestTrace_ListsAllRecoveriesOfAShortRun(t *testing.T) {
	r, pods, end := record(10, func(int) int { return 10 })
	found := r.Trace(pods)
	checkTrace(t, found, at(0), at(end))
	for _, s := range found.Steps {
		assert.NotEqual(t, result.Deletions, s.Name)
	}
}

// Whatever is recorded and observed, the steps have no gap and do not overlap.
func TestTrace_HasNoGap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := result.StepNames()
	for range 2000 {
		var r trace.Recorder
		var pods trace.Pods
		now := 0
		someTime := func() time.Time {
			if random.IntN(4) == 0 {
				return time.Time{}
			}
			return at(now + random.IntN(100))
		}
		somePod := func() result.Pod {
			return result.Pod{
				CreatedAt: someTime(), ScheduledAt: someTime(), AttachedAt: someTime(), MountedAt: someTime(),
				StartedAt: someTime(),
			}
		}
		for range 1 + random.IntN(30) {
			name, epoch := names[random.IntN(len(names))], 0
			if name == result.CreatingPod && random.IntN(5) > 0 {
				epoch = len(pods.Epochs) + 1
				pods.Epochs = append(pods.Epochs, result.Epoch{Number: epoch, Pod: somePod(), FirstAckAt: someTime()})
			}
			r.Begin(name, epoch, at(now))
			now += random.IntN(80)
		}
		pods.Reader, pods.ReceivedAt = somePod(), someTime()
		r.End(at(now + 1))
		checkTrace(t, r.Trace(pods), at(0), at(now+1))
	}
}

func TestPhases_HaveNoGap(t *testing.T) {
	var p trace.Phases
	p.Begin(result.Planning, at(0))
	p.Begin(result.PreChaos, at(10))
	p.Begin(result.PreChaos, at(20))
	p.Begin(result.Removal, at(30))
	assert.Equal(t, []result.Phase{
		{Name: result.Planning, StartedAt: at(0), EndedAt: at(10)},
		{Name: result.PreChaos, StartedAt: at(10), EndedAt: at(30)},
		{Name: result.Removal, StartedAt: at(30), EndedAt: at(50)},
	}, p.Until(at(50)))
}

// A recorder that is compacted during the run has the same trace as one that keeps all marks.
func TestCompact_ChangesNoTrace(t *testing.T) {
	for _, deletions := range []int{0, 1, 9, 10, 11, 200} {
		took := func(n int) int { return 1 + n*7919%101 }
		whole, pods, _ := record(deletions, took)
		compacted, _, _ := recordWith(deletions, took, func(r *trace.Recorder, pods trace.Pods) { r.Compact(pods) })
		assert.Equal(t, whole.Trace(pods), compacted.Trace(pods), deletions)
	}
}
