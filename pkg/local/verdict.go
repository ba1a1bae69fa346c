package local

import (
	"context"
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// conclude gives the run its verdict. err is what ended the run early. What was found by then counts.
func (s *execution) conclude(ctx context.Context, err error) {
	c := &s.cell
	c.Acks = s.ledger.Acks()
	if s.writer != nil {
		s.collect(&c.Epochs[len(c.Epochs)-1], s.writer)
	}
	c.DownsampleAcks()
	c.Latency = s.commits.Latency() // thresholds need the figures, which cover the same time as the acknowledgements
	s.recordProvenance()
	verdict.Collect(c, s.failures.Findings)
	verdict.NoteExits(c, "killed")
	switch {
	case err == nil:
		shortfall := verdict.Decide(c, verdict.Conditions{
			RequiredEvidence: s.Options.RequiredEvidence, ActiveDeletions: s.activeDeletions, Refusal: s.refused,
			Thresholds: s.Options.Thresholds,
		})
		c.Reason = s.reason(shortfall, c.Reason)
	case ctx.Err() != nil && len(c.Findings) == 0:
		verdict.EndEarly(c, fmt.Errorf("%w: %w", verdict.ErrStopped, context.Cause(ctx)))
	default:
		verdict.EndEarly(c, err)
	}
	verdict.AddNotShown(c)
}

// reason returns the reason of a run with a shortfall. verified is the sentence on what was verified.
func (s *execution) reason(shortfall verdict.Shortfall, verified string) string {
	switch shortfall {
	case verdict.NothingAcknowledged:
		return "no record was acknowledged: there was nothing to verify"
	case verdict.NoActiveWriter:
		return "no writer was running when it was killed: " + verified
	case verdict.NotReadBack:
		return "the journal was not read back"
	case verdict.WeakEvidence:
		return fmt.Sprintf("the evidence level is %s, but --required-evidence is %s. Reason: %s. Apart from that, the run passed: %s",
			s.cell.Provenance.Level, s.Options.RequiredEvidence, s.cell.Provenance.NotReachedReason, verified)
	case verdict.WriteRefused:
		return fmt.Sprintf("the chaos ended early: %v. %s", s.refused, verified)
	case verdict.ThresholdNotMeasured:
		return fmt.Sprintf("a threshold could not be checked: %s. Apart from that, the run passed: %s",
			verdict.NotMeasured(&s.cell), verified)
	default:
		return verified
	}
}
