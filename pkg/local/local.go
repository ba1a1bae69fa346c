// Package local executes a run without a cluster. The writer and the reader are processes on this machine, and the
// writer is killed with a signal instead of being deleted. Everything that decides the verdict is shared with runs on a
// cluster.
//
// It does not depend on a Kubernetes client or on Litmus.
package local

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
)

// Hooks are called at the steps of a run. They must return quickly.
type Hooks interface {
	// CellsPlanned is called before anything is created.
	CellsPlanned(cells []options.CellSpec)
	// BeforeChaos is called before the first interval. Its error is ignored.
	BeforeChaos(ctx context.Context) error
	// RecordsAcknowledged is called with every acknowledgement.
	RecordsAcknowledged(cell options.CellSpec, ack ledger.Ack)
	// BeforeDeletion is called before the writer is killed.
	BeforeDeletion(cell options.CellSpec, writer result.Pod)
	// BeforeRead is called before the journal is read back.
	BeforeRead(cell options.CellSpec)
	// CellJudged is called when the verdict is known.
	CellJudged(cell result.Cell)
}

// Run is one run.
type Run struct {
	// ID is unique to the run. It is a DNS label.
	ID      string
	Options options.Values
	Target  Target
	// Helper is the command that runs the helper on this machine.
	Helper []string
	// Remote runs the reader on another machine; nil for this one.
	Remote *Remote
	// ReadFrom is the path at which the reader opens the journal; empty for Target.Journal.
	ReadFrom string
	// Between runs before the reader, and after every killed writer if BetweenEach is set.
	Between     BetweenCommand
	BetweenEach bool
	// KeepAcks is called with every acknowledgement, before Hooks.RecordsAcknowledged. It may be nil.
	KeepAcks func(ledger.Ack) error
	Hooks    Hooks
	Log      logrus.FieldLogger
}

// Format returns the format of the journal that a run of this ID writes.
func Format(runID string, recordSize int) journal.Format {
	return journal.Format{ID: journal.NewID(runID), RecordSize: recordSize}
}

// Execute executes the run. It always returns a result with a verdict and its reason.
func (r Run) Execute(ctx context.Context) result.Result {
	s := r.newExecution()
	out := result.Result{
		Schema: result.Schema, RunID: r.ID, StartedAt: time.Now().UTC(), Options: r.Options,
		Cluster: result.Cluster{Orchestrator: "none: the run was local, on " + s.host},
	}
	var phases trace.Phases
	phases.Begin(result.Planning, out.StartedAt)
	s.phaseBegan = func(name result.PhaseName) { phases.Begin(name, time.Now().UTC()) }
	r.Hooks.CellsPlanned([]options.CellSpec{s.cell.Spec})
	err := s.executePhases(ctx)
	s.begin(result.Judging)
	s.conclude(ctx, err)
	s.phaseBegan(result.Removal)
	s.begin(result.Removing)
	out.NotRemoved = s.cleanUp(ctx)
	s.recordTrace()
	r.Hooks.CellJudged(s.cell)
	out.Cells = []result.Cell{s.cell}
	out.Verdict, out.Reason = s.cell.Verdict, s.cell.Reason
	if out.Verdict == judge.Skipped { // a run of which nothing was tested ends in Error
		out.Verdict = judge.Error
	}
	if out.NotRemoved != "" {
		out.Reason += ". Not removed: " + out.NotRemoved
	}
	out.EndedAt = time.Now().UTC()
	out.Phases = phases.Until(out.EndedAt)
	return out
}
