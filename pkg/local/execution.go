package local

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	poddelete "github.com/volume-durability/volume-durability/chaoslib/pod-delete"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// execution is a run in progress.
type execution struct {
	Run
	cell   result.Cell
	host   string
	ledger ledger.Ledger
	// writer is the current writer, nil while no writer exists.
	writer *process
	// commits are those of all deleted writers.
	commits result.Commits
	// activeDeletions counts the writers that were running when they were killed.
	activeDeletions int
	// failures are the findings that show in no scan.
	failures verdict.Failures
	// refused is why the chaos ended early although no acknowledged record was lost.
	refused error
	watch   *unmountWatch
	// trace records the steps of the cell, and phaseBegan the phases of the run.
	trace      trace.Recorder
	phaseBegan func(result.PhaseName)
	// reader describes the reader; it is empty until the reader has started.
	reader result.Pod
	// betweenRan reports whether the user's command has run.
	betweenRan bool
}

func (r Run) newExecution() *execution {
	s := &execution{Run: r}
	s.failures.Ledger = &s.ledger
	s.host, _ = os.Hostname() // an empty name is only less informative
	s.cell.Spec = options.CellSpec{
		VolumeSource: options.Local, VolumeMode: corev1.PersistentVolumeFilesystem,
		ReaderNode: options.SameNode, Force: r.Options.Force[0], WritePattern: r.Options.WritePatterns[0],
	}
	s.cell.Layout = r.Options.Layout(s.cell.Spec)
	if r.Target.Device {
		s.cell.Spec.VolumeMode = corev1.PersistentVolumeBlock
	}
	s.cell.Journal = Format(r.ID, r.Options.RecordSize)
	s.cell.JournalFile, s.cell.Target = r.Target.Journal, r.Target.Path
	return s
}

func (s *execution) executePhases(ctx context.Context) error {
	s.phaseBegan(result.PreChaos)
	if err := s.Restore(ctx); err != nil {
		return s.unlessVolume(err)
	}
	if s.Between.Command == "" { // the command may mount the path of --read-from
		if err := s.awaitVisible(ctx); err != nil {
			return err
		}
	}
	s.phaseBegan(result.Chaos)
	if err := s.chaos(ctx); err != nil {
		return err
	}
	s.phaseBegan(result.PostChaos)
	if err := s.Delete(ctx); err != nil {
		return s.unlessVolume(err)
	}
	if err := s.read(ctx); err != nil {
		return s.unlessVolume(err)
	}
	return nil
}

// unlessVolume returns nil for an error that became a finding, because such an error does not end the run.
func (s *execution) unlessVolume(err error) error {
	if errors.Is(err, errVolume) {
		return nil
	}
	return err
}

// chaos kills the writer and starts it again at the intervals that the options give.
func (s *execution) chaos(ctx context.Context) error {
	o := s.Options
	fault := poddelete.Fault{
		Duration: o.Duration, MinInterval: o.MinInterval, Interval: o.Interval,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
	_ = s.Hooks.BeforeChaos(ctx) // its error does not end the run
	err := fault.Inject(ctx, s)[0]
	if errors.Is(err, errVolume) || s.refused != nil {
		return nil // what was acknowledged is still read back
	}
	return err
}

func (s *execution) acknowledged(ack ledger.Ack) {
	if s.KeepAcks != nil {
		if err := s.KeepAcks(ack); err != nil {
			s.Log.WithError(err).Warn("Could not keep an acknowledgement")
		}
	}
	s.Hooks.RecordsAcknowledged(s.cell.Spec, ack)
}
