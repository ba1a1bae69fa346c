package samples

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
)

// AddTrace adds the phases and the steps to a result, from the times of its epochs and readers. It sets the end of the
// run, unless nothing was tested.
func AddTrace(r *result.Result) {
	var phases trace.Phases
	phases.Begin(result.Planning, r.StartedAt)
	first, chaos, postChaos, judged := r.StartedAt.Add(600*time.Millisecond), time.Time{}, time.Time{}, time.Time{}
	for _, c := range r.Cells {
		if c.Verdict == judge.Skipped {
			continue
		}
		judged = latest(judged, first.Add(4*time.Second))
		for _, e := range c.Epochs {
			if e.Number == 1 {
				chaos = latest(chaos, e.FirstAckAt.Add(50*time.Millisecond))
			}
			postChaos = latest(postChaos, e.DeletedAt.Add(40*time.Millisecond))
		}
		if c.Reader != nil {
			judged = latest(judged, c.Reader.ReceivedAt.Add(300*time.Millisecond))
		}
	}
	if judged.IsZero() {
		r.Phases = phases.Until(r.EndedAt)
		return
	}
	judged = latest(judged, postChaos.Add(100*time.Millisecond))
	phases.Begin(result.PreChaos, first)
	if !chaos.IsZero() {
		phases.Begin(result.Chaos, chaos)
		phases.Begin(result.PostChaos, postChaos)
	}
	phases.Begin(result.Removal, judged)
	r.EndedAt = judged.Add(2400 * time.Millisecond)
	r.Phases = phases.Until(r.EndedAt)
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Verdict != judge.Skipped {
			c.Trace = traceOf(*c, first, judged)
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// traceOf returns the steps of a cell that began at one time and was removed from another time on.
func traceOf(c result.Cell, from, removed time.Time) *result.Trace {
	var r trace.Recorder
	pods := trace.Pods{Claim: c.Claim, Epochs: c.Epochs, Local: c.IsLocal()}
	if c.Claim != nil {
		r.Begin(result.CreatingClaim, 0, from)
	}
	r.Begin(result.CreatingPod, 1, from.Add(90*time.Millisecond))
	r.Await(result.Provisioning)
	judged := from.Add(3 * time.Second)
	for _, e := range c.Epochs {
		r.BeginInsteadOfWaiting(result.CreatingPod, e.Number, e.CreatedAt.Add(-20*time.Millisecond))
		r.Begin(result.Terminating, e.Number, e.DeletionRequestedAt)
		r.Begin(result.ReadingLog, e.Number, e.DeletedAt)
		judged = e.DeletedAt.Add(30 * time.Millisecond)
		r.Begin(result.Waiting, 0, judged)
	}
	if c.Reader != nil {
		pods.Reader, pods.ReceivedAt = c.Reader.Pod, c.Reader.ReceivedAt
		if c.Claim != nil {
			r.Begin(result.Detaching, 0, judged)
		}
		r.Begin(result.CreatingPod, 0, c.Reader.CreatedAt.Add(-20*time.Millisecond))
		judged = c.Reader.ReceivedAt.Add(45 * time.Millisecond)
	}
	r.Begin(result.Waiting, 0, judged)
	r.Begin(result.Removing, 0, removed)
	r.End(removed.Add(2200 * time.Millisecond))
	return r.Trace(pods)
}
