// Package trace shows where the time of a run went: its phases, and the steps of each cell.
//
// It has no clock and does not access the cluster. A step whose end is in the result, such as the time at which a pod
// was scheduled, ends at exactly that time.
package trace

import (
	"cmp"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// Recorder records when the steps of a cell begin. A step ends when the next one begins.
type Recorder struct {
	marks []mark
	end   time.Time
	// steps and totals are those before the marks. The steps leave out most recoveries.
	steps  []result.Step
	totals map[result.StepName]result.StepTotal
}

// mark is the beginning of a step, or with the name creating-pod that of all steps from the creation of a pod until the
// next mark.
type mark struct {
	name  result.StepName
	epoch int
	at    time.Time
	// awaited is the step of the pod that was reported last.
	awaited result.StepName
}

// Begin begins a step. Epoch is that of the writer that the step concerns; 0 for none. It does nothing if the step has
// begun already.
func (r *Recorder) Begin(name result.StepName, epoch int, at time.Time) {
	if last := r.last(); last != nil && last.name == name && last.epoch == epoch {
		return
	}
	r.marks = append(r.marks, mark{name: name, epoch: epoch, at: at})
}

// BeginInsteadOfWaiting begins a step. If the cell has only begun to wait, the step begins when that wait began.
func (r *Recorder) BeginInsteadOfWaiting(name result.StepName, epoch int, at time.Time) {
	if last := r.last(); last != nil && last.name == result.Waiting {
		last.name, last.epoch = name, epoch
		return
	}
	r.Begin(name, epoch, at)
}

// Await records which step the pod that is being created waits for. Trace uses the name only for a last step that did
// not end.
func (r *Recorder) Await(name result.StepName) {
	if last := r.last(); last != nil {
		last.awaited = name
	}
}

// End ends the last step of the cell.
func (r *Recorder) End(at time.Time) { r.end = at }

func (r *Recorder) last() *mark {
	if len(r.marks) == 0 {
		return nil
	}
	return &r.marks[len(r.marks)-1]
}

// Pods has the times of a cell's pods.
type Pods struct {
	Claim  *result.Claim
	Epochs []result.Epoch
	// Reader is the reader's pod, and ReceivedAt is when its scan result was received.
	Reader     result.Pod
	ReceivedAt time.Time
	// Local is set if the pods are processes of a local run.
	Local bool
}

// Compact computes the steps before the last deletion, whose times must be known, and removes their marks. So the
// memory of a recorder does not grow with the number of deletions.
func (r *Recorder) Compact(pods Pods) {
	for i := len(r.marks) - 1; i > 0; i-- {
		if r.marks[i].name == result.Terminating {
			r.compact(i, r.marks[i].at, pods)
			return
		}
	}
}

// Trace returns the steps of the cell; nil if it had none. It removes all marks, so it must be called once, at the end.
func (r *Recorder) Trace(pods Pods) *result.Trace {
	r.compact(len(r.marks), r.end, pods)
	if len(r.steps) == 0 {
		return nil
	}
	return &result.Trace{Steps: r.steps, Totals: r.sortedTotals()}
}

// compact replaces the first marks, which end at a time, with their steps.
func (r *Recorder) compact(count int, end time.Time, pods Pods) {
	var steps []result.Step
	for i, m := range r.marks[:count] {
		until := end
		if i+1 < count {
			until = r.marks[i+1].at
		}
		for _, s := range m.steps(pods, until) {
			steps = appendStep(steps, s)
		}
	}
	r.addTotals(steps)
	r.steps = withoutMost(append(r.steps, steps...))
	r.marks = append(r.marks[:0], r.marks[count:]...)
}

// appendStep appends a step. It drops a step without a length, and continues the step before it if they are the same.
func appendStep(steps []result.Step, s result.Step) []result.Step {
	if !s.EndedAt.After(s.StartedAt) {
		return steps
	}
	if n := len(steps); n > 0 {
		last := &steps[n-1]
		if last.Name == s.Name && last.Pod == s.Pod && last.Epoch == s.Epoch {
			last.EndedAt = s.EndedAt
			return steps
		}
	}
	return append(steps, s)
}

// milestone is when a step of a pod ended; zero if that was not observed.
type milestone struct {
	step result.StepName
	at   time.Time
}

// steps returns the steps from a mark until the next one.
func (m mark) steps(pods Pods, until time.Time) []result.Step {
	if m.name != result.CreatingPod {
		return []result.Step{{Name: m.name, Pod: pods.name(m.epoch), Epoch: m.epoch, StartedAt: m.at, EndedAt: until}}
	}
	milestones, then := pods.milestones(m.epoch)
	var steps []result.Step
	from, reached := m.at, 0
	add := func(name result.StepName, to time.Time) {
		s := result.Step{Name: name, Epoch: m.epoch, StartedAt: from, EndedAt: to}
		if name != result.Judging {
			s.Pod = pods.name(m.epoch)
			if m.epoch == 0 {
				s.Pod = pods.Reader.Name
			}
		}
		steps = append(steps, s)
		from = to
	}
	for i, end := range milestones {
		if end.at.IsZero() || end.at.After(until) {
			continue
		}
		if end.at.After(from) {
			add(end.step, end.at)
		}
		reached = i + 1
	}
	add(m.unfinished(milestones[reached:], then), until)
	return steps
}

// unfinished returns the step that had not ended. Missed are the steps whose end was not observed, and then is the step
// that follows all of them.
func (m mark) unfinished(missed []milestone, then result.StepName) result.StepName {
	if len(missed) == 0 {
		return then
	}
	for _, end := range missed {
		if end.step == m.awaited {
			return m.awaited
		}
	}
	return missed[0].step
}

// name returns the name of the pod of an epoch; empty for epoch 0.
func (p Pods) name(epoch int) string { return p.epoch(epoch).Pod.Name }

// epoch returns an epoch by its number; an empty one if its writer was not created.
func (p Pods) epoch(number int) result.Epoch {
	i, found := slices.BinarySearchFunc(p.Epochs, number, func(e result.Epoch, number int) int {
		return cmp.Compare(e.Number, number)
	})
	if !found {
		return result.Epoch{}
	}
	return p.Epochs[i]
}

// milestones returns the ends of the steps of a pod in their order, and the step that follows. Epoch is 0 for the
// reader.
func (p Pods) milestones(epoch int) (ends []milestone, then result.StepName) {
	last, then := milestone{result.Reading, p.ReceivedAt}, result.Judging
	pod := p.Reader
	if epoch > 0 {
		e := p.epoch(epoch)
		last, then = milestone{result.FirstAck, e.FirstAckAt}, result.Writing
		pod = e.Pod
	}
	ends = []milestone{{result.CreatingPod, pod.CreatedAt}}
	if p.Local {
		ends[0].step = result.StartingProcess
	}
	if epoch == 1 && p.Claim != nil && p.Claim.Created {
		ends = append(ends, milestone{result.Provisioning, p.Claim.BoundAt})
	}
	return append(ends, milestone{result.Scheduling, pod.ScheduledAt}, milestone{result.Attaching, pod.AttachedAt},
		milestone{result.Mounting, pod.MountedAt}, milestone{result.Starting, pod.StartedAt}, last), then
}

// addTotals adds steps to their sums.
func (r *Recorder) addTotals(steps []result.Step) {
	if r.totals == nil {
		r.totals = map[result.StepName]result.StepTotal{}
	}
	for _, s := range steps {
		t := r.totals[s.Name]
		r.totals[s.Name] = result.StepTotal{
			Name: s.Name, Count: t.Count + 1, Sum: t.Sum + s.Took(), Max: max(t.Max, s.Took()),
		}
	}
}

// sortedTotals returns the sums in the order of a run.
func (r *Recorder) sortedTotals() []result.StepTotal {
	var all []result.StepTotal
	for _, name := range result.StepNames() {
		if t, found := r.totals[name]; found {
			all = append(all, t)
		}
	}
	return all
}
