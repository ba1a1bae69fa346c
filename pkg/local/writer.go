package local

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// Restore starts the next writer and returns once one of its commits is acknowledged.
func (s *execution) Restore(ctx context.Context) error {
	epoch := result.Epoch{Number: s.cell.Writers() + 1}
	acks := s.ledger.Acks()
	s.trace.BeginInsteadOfWaiting(result.CreatingPod, epoch.Number, time.Now().UTC())
	known := s.knownLists()
	p, err := helperRun{
		command: s.writerCommand(epoch.Number, acks, known.Flags()...),
		known:   known, onAck: s.acknowledged, announce: s.announce,
	}.start(context.WithoutCancel(ctx), &s.ledger)
	if err != nil {
		return err
	}
	epoch.Pod = s.pod("writer", p)
	s.writer = p
	s.cell.Epochs = append(s.cell.Epochs, epoch)
	if err := s.awaitFirstAck(ctx, acks); err != nil {
		return err
	}
	s.trace.Compact(trace.Pods{Epochs: s.cell.Epochs, Local: true})
	s.cell.ShortenEpochs(acks)
	return nil
}

// pod describes a helper process in the result, which has pods for the runs on a cluster.
func (s *execution) pod(name string, p *process) result.Pod {
	now := time.Now().UTC()
	return result.Pod{
		Name: fmt.Sprintf("%s (process %d)", name, p.cmd.Process.Pid), Node: s.host, CreatedAt: now, StartedAt: now,
	}
}

func (s *execution) awaitFirstAck(ctx context.Context, acks []ledger.Ack) error {
	epoch := &s.cell.Epochs[len(s.cell.Epochs)-1]
	timeout := s.Options.StatusTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("waited %s for the first acknowledgement of epoch %d: %w",
			timeout, epoch.Number, context.DeadlineExceeded))
	defer cancel()
	err := s.writer.AwaitAck(waiting)
	if scan := s.writer.TakeScan(); scan != nil {
		epoch.Mount, epoch.BootID, epoch.Kernel = scan.Mount, scan.BootID, scan.Kernel
		if err := s.checkFilesystem(fmt.Sprintf("the writer of epoch %d", epoch.Number), epoch.Mount); err != nil {
			return err
		}
		if epoch.Number > 1 {
			epoch.InitialRead = verdict.JudgeScan(&s.cell, epoch.Pod, *scan, acks, epoch.Number-1)
		}
	}
	if err != nil {
		return s.classify(ctx, fmt.Errorf("the writer of epoch %d: %w", epoch.Number, err), s.writer)
	}
	epoch.FirstAckAt = time.Now().UTC()
	return nil
}

// Delete kills the writer, waits until it is gone, and with BetweenEach runs the command of --between.
func (s *execution) Delete(ctx context.Context) error {
	w := s.writer
	if w == nil {
		return nil
	}
	epoch := &s.cell.Epochs[len(s.cell.Epochs)-1]
	if w.Err() == nil {
		s.activeDeletions++
	}
	s.Hooks.BeforeDeletion(s.cell.Spec, epoch.Pod)
	epoch.AckedAtDeletion, epoch.DeletionRequestedAt = s.ledger.Records(), time.Now().UTC()
	s.trace.Begin(result.Terminating, epoch.Number, epoch.DeletionRequestedAt)
	defer s.begin(result.Waiting)
	if err := s.kill(ctx, w); err != nil {
		return err
	}
	epoch.DeletedAt = time.Now().UTC()
	s.collect(epoch, w)
	s.trace.Begin(result.Waiting, 0, epoch.DeletedAt)
	s.writer = nil
	s.Log.WithField("epoch", epoch.Number).Info("The writer was killed")
	if op := w.OpError(); op != nil && !epoch.FirstAckAt.IsZero() {
		epoch.ExitError, epoch.ExitedAt = op, w.FailedAt()
		s.addExit(epoch.Number, op)
	}
	if err := w.Conflict(); err != nil {
		return err
	}
	if !s.BetweenEach {
		return nil
	}
	return s.between(ctx)
}

// collect adds to the result what a writer reported besides the journal.
func (s *execution) collect(epoch *result.Epoch, w *process) {
	epoch.FirstAck, epoch.Acks = w.Acks()
	if stats := w.Commits(); stats != nil {
		if err := s.commits.Add(*stats); err != nil {
			s.Log.WithError(err).Warn("Could not compute the commit latency")
		}
	}
}

// kill ends a writer with the signal that the options ask for. If a call to the volume keeps the process alive, the
// volume has failed.
func (s *execution) kill(ctx context.Context, w *process) error {
	if !s.cell.Spec.Force {
		if err := w.signal(syscall.SIGTERM); err != nil {
			return err
		}
		if err := s.awaitExit(ctx, w); err == nil || ctx.Err() != nil {
			return err
		}
	}
	if err := w.signal(syscall.SIGKILL); err != nil {
		return err
	}
	err := s.awaitExit(ctx, w)
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = fmt.Errorf("the writer of epoch %d cannot be killed: %w", s.cell.Writers(), err)
	if stall := w.Stall(); stall != nil {
		err = fmt.Errorf("%w: %s", err, stall)
		s.failures.Add(judge.Unavailable, err)
		return s.volumeFailed(err)
	}
	return err
}

func (s *execution) awaitExit(ctx context.Context, w *process) error {
	timeout := s.Options.StatusTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("waited %s for process %d to end: %w", timeout, w.cmd.Process.Pid, context.DeadlineExceeded))
	defer cancel()
	return w.await(ctx)
}
