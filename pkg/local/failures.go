package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// errVolume means that the volume failed the helper. It is a finding, not a failure of the run.
var errVolume = errors.New("the volume failed")

// classify returns the error of a helper, marked with errVolume if the volume failed. An error that lost no
// acknowledged record is kept in refused: the journal is still read back.
func (s *execution) classify(ctx context.Context, err error, p *process) error {
	op, class, failure := p.OpError(), judge.Class(""), err
	switch {
	case op != nil:
		class = judge.ClassOfError(*op)
	case errors.Is(err, context.DeadlineExceeded) && p.Hangs():
		class, failure = judge.Unavailable, fmt.Errorf("%w: %s", err, p.Stall())
	}
	switch s.failures.Classify(ctx, failure, op, class) {
	case verdict.Failure:
		return s.volumeFailed(failure)
	case verdict.Refusal:
		s.refused = err
	}
	return err
}

// addExit adds the error with which a writer exited before it was killed, if the volume caused it. It does not end the
// chaos: the next writer shows whether the volume can still be written.
func (s *execution) addExit(epoch int, op *protocol.OpError) {
	s.Log.WithError(op).WithField("epoch", epoch).Warn("The writer exited before it was killed")
	if class := judge.ClassOfError(op); verdict.MeaningOf(op, class) == verdict.Failure {
		s.failures.Add(class, op)
	}
}

// volumeFailed marks an error that the volume caused.
func (s *execution) volumeFailed(err error) error {
	s.Log.WithError(err).Warn("The volume failed")
	return fmt.Errorf("%w: %w", errVolume, err)
}
