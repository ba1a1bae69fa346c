package progress

import (
	"fmt"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// activity is what a cell does.
type activity int

const (
	queued   activity = iota // it is in a later batch
	waiting                  // it waits for a step of Kubernetes
	writing                  // its writer acknowledges records
	removing                 // its objects are being removed, and it has no verdict
	judged                   // it has a verdict
	stopped                  // the run ended before it had one
)

// row is the progress of one cell.
type row struct {
	spec     options.CellSpec
	activity activity

	epoch     int
	acked     uint64 // the last acknowledged sequence number of the epoch
	records   uint64
	rate      rate
	ackedAt   time.Time
	deletions int
	// deletedAt is when the current writer was deleted; zero if it was not.
	deletedAt time.Time
	// recovery is the time from the last deletion to the next acknowledgement.
	recovery time.Duration

	// step is what the cell waits for since a time, and reason why it takes long.
	step, reason string
	since        time.Time
	// announced has the reasons that were shown as events.
	announced map[string]bool

	verdict string
	// failed reports whether the verdict is one that a user should look at.
	failed bool
}

func newRow(spec options.CellSpec) *row { return &row{spec: spec, announced: map[string]bool{}} }

// isNew reports whether this is a reason that it was not called with before. Reasons such as that of a failed pull
// alternate.
func (r *row) isNew(reason string) bool {
	if reason == "" || r.announced[reason] {
		return false
	}
	r.announced[reason] = true
	return true
}

// waitFor sets the step that the cell waits for. The writer may still be writing while something else is waited for.
func (r *row) waitFor(step, reason string, now time.Time) {
	if r.activity == judged || r.activity == removing {
		return
	}
	if r.step != step {
		r.since = now
	}
	r.activity, r.step, r.reason = waiting, step, reason
}

// delete records that the deletion of the writer was requested.
func (r *row) delete(now time.Time) {
	r.waitFor("terminating", "", now)
	r.deletions++
	r.deletedAt = now
}

// read records that the journal is read back.
func (r *row) read(step string, now time.Time) {
	r.deletedAt, r.recovery = time.Time{}, 0
	r.waitFor(step, "", now)
}

// remove records that the objects of the cell are being removed, if the cell was running. A writer may still send
// acknowledgements.
func (r *row) remove(now time.Time) {
	if r.activity == waiting || r.activity == writing {
		r.activity, r.since = removing, now
	}
}

// acknowledge counts an acknowledgement. It returns the recovery time if this is the first one after a deletion.
func (r *row) acknowledge(ack ledger.Ack, now time.Time) (recovered time.Duration) {
	if ack.Epoch < r.epoch || ack.Epoch == r.epoch && ack.Seq <= r.acked {
		return 0
	}
	if ack.Epoch > r.epoch {
		r.epoch, r.acked, r.rate = ack.Epoch, 0, rate{}
		if !r.deletedAt.IsZero() && r.activity != removing {
			recovered = now.Sub(r.deletedAt)
			r.recovery = recovered
		}
		r.deletedAt = time.Time{}
	}
	r.records += ack.Seq - r.acked
	r.acked, r.ackedAt = ack.Seq, now
	r.rate.add(ack.Time, r.records)
	// A writer acknowledges its last records after its deletion was requested.
	if r.deletedAt.IsZero() && r.activity != judged && r.activity != removing {
		r.activity, r.step, r.reason = writing, "", ""
	}
	return recovered
}

// judge sets the verdict.
func (r *row) judge(cell result.Cell, label string) {
	r.activity, r.verdict, r.reason = judged, label, cell.Reason
	r.failed = label != string(judge.Pass) && label != string(judge.Skipped) && !(cell.Spec.Control && cell.LostAllData())
}

// isRunning reports whether the cell has begun and has no verdict yet.
func (r *row) isRunning() bool {
	return r.activity == waiting || r.activity == writing || r.activity == removing
}

// state describes what the cell does, and the reason why a step takes long or for its verdict.
func (r *row) state(now time.Time, writeRate float64) string {
	state := r.shortState(now, writeRate)
	if r.reason != "" && (r.activity == waiting || r.activity == judged) {
		state += ": " + r.reason
	}
	return state
}

// shortState is state without the reason, which may be long.
func (r *row) shortState(now time.Time, writeRate float64) string {
	switch r.activity {
	case queued:
		return "queued"
	case writing:
		return r.writingState(now, writeRate)
	case removing:
		return "removing, " + shortDuration(now.Sub(r.since))
	case judged:
		return r.verdict
	case stopped:
		return "stopped"
	}
	since := r.since
	if !r.deletedAt.IsZero() {
		since = r.deletedAt
	}
	return fmt.Sprintf("%s, %s", r.step, shortDuration(now.Sub(since)))
}

func (r *row) writingState(now time.Time, writeRate float64) string {
	allowed := rateWindow
	if writeRate > 0 {
		allowed = max(allowed, time.Duration(2*float64(time.Second)/writeRate))
	}
	if silence := now.Sub(r.ackedAt); silence > allowed {
		return "no acknowledgement for " + shortDuration(silence)
	}
	state := "writing"
	if perSecond, known := r.rate.perSecond(); known {
		state = fmt.Sprintf("writing %s/s", formatRate(perSecond))
	}
	if r.recovery > 0 {
		state += ", back after " + shortDuration(r.recovery)
	}
	return state
}

// shortDuration formats a duration with tenths of a second, or in whole seconds from a minute on.
func shortDuration(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
