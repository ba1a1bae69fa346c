package run

import (
	"errors"
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// verdictBuilder completes a cell's result with its verdict, reason, findings, notes and limits.
type verdictBuilder struct {
	options options.Values
	cell    *result.Cell
	// volumeFindings are the failures of pods that the volume caused.
	volumeFindings []judge.Finding
	// activeDeletions counts the deletions of writers that were writing.
	activeDeletions int
	// chaosErr is why the chaos ended early, if the volume refused a write.
	chaosErr error
}

// build sets the verdict of a cell that went through all phases.
func (b verdictBuilder) build() {
	b.collectFindings()
	shortfall := verdict.Decide(b.cell, verdict.Conditions{
		RequiredEvidence: b.options.RequiredEvidence, ActiveDeletions: b.activeDeletions, Refusal: b.chaosErr,
		Thresholds: b.options.Thresholds,
	})
	b.cell.Reason = b.reason(shortfall, b.cell.Reason)
	verdict.AddNotShown(b.cell)
	b.addSTIG()
}

// reason returns the reason of a cell with a shortfall. verified is the sentence on what was verified.
func (b verdictBuilder) reason(shortfall verdict.Shortfall, verified string) string {
	c := b.cell
	switch shortfall {
	case verdict.NothingAcknowledged:
		return "no record was acknowledged, so nothing was tested"
	case verdict.NoActiveWriter:
		return "every writer had stopped writing before it was deleted, so the deletions tested nothing"
	case verdict.NotReadBack:
		return "the journal was not read back"
	case verdict.WeakEvidence:
		return fmt.Sprintf("the evidence level is %s, but REQUIRED_EVIDENCE is %s. Reason: %s. Apart from that, the cell "+
			"passed: %s", c.Provenance.Level, b.options.RequiredEvidence, c.Provenance.NotReachedReason, verified)
	case verdict.WriteRefused:
		return fmt.Sprintf("the chaos ended early: %v. %s", b.chaosErr, verified)
	case verdict.ThresholdNotMeasured:
		return fmt.Sprintf("a threshold could not be checked: %s. Apart from that, the cell passed: %s",
			verdict.NotMeasured(c), verified)
	default:
		return verified
	}
}

// endEarly sets the verdict of a cell that err has ended early.
func (b verdictBuilder) endEarly(err error) {
	b.collectFindings()
	verdict.EndEarly(b.cell, err)
	if b.cell.Verdict == judge.Error && (b.isUnsupported(err) || errors.Is(err, errNoOpenCell)) {
		b.cell.Verdict = judge.Skipped
	}
}

// isUnsupported reports whether the cluster does not support the combination under test. Once a writer has written,
// only the placement of the reader may be unsupported.
func (b verdictBuilder) isUnsupported(err error) bool {
	var unsupported *kube.UnsupportedError
	if !errors.As(err, &unsupported) {
		return false
	}
	return len(b.cell.Acks) == 0 || errors.Is(err, errReader) && b.cell.Spec.ReaderNode != options.AnyNode
}

// collectFindings collects the findings and adds notes on what may have caused them.
func (b verdictBuilder) collectFindings() {
	c := b.cell
	verdict.Collect(c, b.volumeFindings)
	verdict.NoteExits(c, "deleted")
	if c.Spec.Force && len(c.Findings) > 0 && len(c.Epochs) > 1 {
		verdict.AddNotes(c, "writers were deleted by force, so two writers may have run at the same time: on a filesystem "+
			"without atomic appends between nodes, such as NFS, one may have overwritten the other's records")
	}
}

// addSTIG adds the result of the STIG check, in its own words, if the run is that check.
func (b verdictBuilder) addSTIG() {
	c := b.cell
	if !b.options.IsSTIGCheck() || c.Spec.Name != "" || c.Reader == nil {
		return
	}
	if !c.Reader.HasLogData() {
		c.Reason += ". V-260932: there is no log data, this is a finding. " + STIGFix
		return
	}
	c.Reason += ". V-260932: log data is present"
	if c.Verdict == judge.Fail && !c.IsOnlyTooSlow() {
		c.Reason += ", but not all of it. " + STIGFix
	}
}
