package local

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// read runs the command of --between, unless it already runs after every kill, and then the reader.
func (s *execution) read(ctx context.Context) error {
	if !s.BetweenEach {
		if err := s.between(ctx); err != nil {
			return err
		}
	}
	if !s.betweenRan {
		s.watchUnmount()
	}
	s.begin(result.CreatingPod)
	s.Hooks.BeforeRead(s.cell.Spec)
	helper, where, done, err := s.readerCommand(ctx)
	if err != nil {
		return err
	}
	defer done()
	known := s.knownLists()
	if s.Remote != nil { // its helper may be an earlier version
		known = protocol.KnownLists{}
	}
	p, err := helperRun{
		command: s.command(helper, s.readerFile(), "read", s.ledger.Acks(), known.Flags()...),
		known:   known, announce: s.announce,
	}.start(context.WithoutCancel(ctx), &s.ledger)
	if err != nil {
		return err
	}
	defer s.endReader(ctx, p)
	pod := s.pod("reader", p)
	if where != "" {
		pod.Node = where
	}
	s.reader = pod
	return s.awaitScan(ctx, p, pod)
}

// awaitScan waits for the scan result of the reader and judges it.
func (s *execution) awaitScan(ctx context.Context, p *process, pod result.Pod) error {
	timeout := s.Options.VerifyTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf(
		"waited %s for the journal to be read (--verify-timeout): %w", timeout, context.DeadlineExceeded))
	defer cancel()
	scan, err := p.AwaitScan(waiting)
	if err != nil {
		return s.classify(ctx, fmt.Errorf("reader: %w", err), p)
	}
	if s.ReadFrom != "" && s.Between.Command != "" && !scan.Present && s.isAtTarget(ctx) {
		if err := s.awaitVisible(ctx); err != nil {
			return err
		}
	}
	if s.ReadFrom == "" && s.Remote == nil { // another client may have another kind of mount
		if err := s.checkFilesystem("the reader", scan.Mount); err != nil {
			return err
		}
	}
	s.cell.Reader = verdict.JudgeScan(&s.cell, pod, *scan, s.ledger.Acks(), s.cell.Writers())
	s.cell.Reader.ReceivedAt = time.Now().UTC()
	return nil
}

// announce logs that the journal is read again.
func (s *execution) announce(r protocol.Rereading) { s.Log.Info(r) }

func (s *execution) readerFile() string {
	if s.ReadFrom != "" {
		return s.ReadFrom
	}
	return s.Target.Journal
}

// readerCommand returns the helper's command on the machine of the reader, and the name of that machine, empty for this
// one. done removes the helper if it was copied there.
func (s *execution) readerCommand(ctx context.Context) (helper []string, where string, done func(), err error) {
	if s.Remote == nil {
		return s.Helper, "", func() {}, nil
	}
	helper, done, err = s.Remote.helper(ctx, s.cell.Journal.ID, s.Log)
	return helper, s.Remote.String(), done, err
}

func (s *execution) endReader(ctx context.Context, p *process) {
	if err := p.signal(syscall.SIGKILL); err != nil {
		s.Log.WithError(err).Warn("Could not kill the reader")
	}
	if err := s.awaitExit(ctx, p); err != nil {
		s.Log.WithError(err).Warn("The reader process did not end in time")
	}
}
