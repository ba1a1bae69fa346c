package run

import (
	"errors"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
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

// build sets the verdict of a cell that went through all phases. A loss that any pod found counts, even if a later
// one did not find it.
func (b verdictBuilder) build() {
	c := b.cell
	judged := judge.Judgement{Acknowledged: ledger.CountRecords(c.Acks)}
	if c.Reader != nil {
		judged = c.Reader.Judgement
	}
	b.collectFindings()
	judged.Findings = c.Findings
	c.Verdict = judged.Verdict()
	c.Reason = c.VerificationSentence()
	b.downgrade()
	b.addLimits()
	b.addSTIG()
}

// downgrade turns a Pass into an Error if the run does not support it.
func (b verdictBuilder) downgrade() {
	c := b.cell
	switch {
	case c.Verdict == judge.Error:
		c.Reason = "no record was acknowledged, so nothing was tested"
	case c.Verdict != judge.Pass:
	case b.activeDeletions == 0 && c.Deletions() > 0:
		c.Verdict, c.Reason = judge.Error, "every writer had stopped writing before it was deleted, so the deletions tested nothing"
	case c.Reader == nil:
		c.Verdict, c.Reason = judge.Error, "the journal was not read back"
	case c.Provenance.Level < b.options.RequiredEvidence:
		c.Verdict = judge.Error
		c.Reason = fmt.Sprintf("the evidence level is %s, below %s (REQUIRED_EVIDENCE): %s. Without that requirement: %s",
			c.Provenance.Level, b.options.RequiredEvidence, c.Provenance.NotReached, c.Reason)
	case b.chaosErr != nil:
		c.Verdict = judge.Error
		c.Reason = fmt.Sprintf("the chaos ended early: %v. All acknowledged records were there: %s", b.chaosErr, c.Reason)
	}
}

// conclude sets the verdict of a cell that err has ended early. What was found by then counts.
func (b verdictBuilder) conclude(err error) {
	b.collectFindings()
	c := b.cell
	switch {
	case len(c.Findings) > 0:
		c.Verdict = judge.Fail
		c.Reason = fmt.Sprintf("%s. The run ended early: %v", c.VerificationSentence(), err)
	case errors.Is(err, errStopped):
		c.Verdict, c.Reason = judge.Stopped, err.Error()
	case b.isUnsupported(err):
		c.Verdict, c.Reason = judge.Skipped, err.Error()
	default:
		c.Verdict, c.Reason = judge.Error, err.Error()
	}
}

// isUnsupported reports whether the cluster does not support the combination under test. A writer that has written
// shows that it does; after that, only the reader's node can be out of the volume's reach.
func (b verdictBuilder) isUnsupported(err error) bool {
	var unsupported *kube.UnsupportedError
	if !errors.As(err, &unsupported) {
		return false
	}
	return len(b.cell.Acks) == 0 || errors.Is(err, errReader) && b.cell.Plan.ReaderNode != options.AnyNode
}

// collectFindings merges the findings and notes of all reads and the failures of the volume.
func (b verdictBuilder) collectFindings() {
	c := b.cell
	var found [][]judge.Finding
	for _, read := range c.Reads() {
		found = append(found, read.Judgement.Findings)
		addNotes(c, read.Judgement.Notes...)
	}
	c.Findings = judge.Merge(append(found, b.volumeFindings)...)
	for _, e := range c.Epochs {
		if e.ExitError != nil {
			addNotes(c, fmt.Sprintf("writer %d exited before it was deleted: %s", e.Number, e.ExitError))
		}
	}
	if c.Plan.Force && len(c.Findings) > 0 && len(c.Epochs) > 1 {
		addNotes(c, "writers were deleted by force, so two writers may have run at the same time: on a filesystem "+
			"without atomic appends between nodes, such as NFS, one may have overwritten the other's records")
	}
}

// addLimits adds what a Pass does not prove.
func (b verdictBuilder) addLimits() {
	c := b.cell
	if c.Reader != nil && len(c.Epochs) > 0 && c.Reader.Node == c.Epochs[len(c.Epochs)-1].Node {
		sameNode := "the reader ran on the writer's node, where the volume may never have been unmounted"
		if c.Reader.ScanResult.ReadMode != protocol.ReadDirect {
			sameNode += ", and may have read the page cache instead of the storage"
		}
		c.NotShown = append(c.NotShown, sameNode)
	}
	c.NotShown = append(c.NotShown,
		"the run did not test whether acknowledged records survive a power failure")
}

// addSTIG adds the result of the STIG check, in its own words, if the run is that check.
func (b verdictBuilder) addSTIG() {
	c := b.cell
	if !b.options.STIG() || c.Plan.Name != "" || c.Reader == nil {
		return
	}
	if !c.Reader.HasLogData() {
		c.Reason += ". V-260932: there is no log data, this is a finding. " + STIGFix
		return
	}
	c.Reason += ". V-260932: log data is present"
	if c.Verdict == judge.Fail {
		c.Reason += ", but not all of it. " + STIGFix
	}
}

// addNotes adds the notes that the cell does not have yet.
func addNotes(c *result.Cell, notes ...string) {
	for _, n := range notes {
		if !slices.Contains(c.Notes, n) {
			c.Notes = append(c.Notes, n)
		}
	}
}
