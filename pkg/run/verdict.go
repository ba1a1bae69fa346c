package run

import (
	"errors"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// judge sums up all that was seen. What a later pod can no longer see was lost,
// even if the last one could see it again.
func (c *cell) judge() {
	judged := judge.Judgement{Acknowledged: ledger.Count(c.Acks)}
	if c.Reader != nil {
		judged = c.Reader.Judgement
	}
	c.gather()
	judged.Findings = c.Findings
	c.Verdict = judge.VerdictOf(judged)
	for _, e := range c.Epochs {
		if e.ExitError != nil {
			c.note(fmt.Sprintf("the writer of epoch %d had ended by itself: %s", e.Number, e.ExitError))
		}
	}
	c.Reason = c.VerificationSentence()
	switch {
	case c.Verdict == judge.Error:
		c.Reason = "nothing was acknowledged: nothing was at stake"
	case c.Verdict == judge.Pass && c.struck == 0 && c.Deletions() > 0:
		c.Verdict, c.Reason = judge.Error, "no writer was at work when it was deleted, so nothing was tried: "+c.Reason
	case c.Verdict == judge.Pass && c.Reader == nil:
		c.Verdict, c.Reason = judge.Error, "the journal was not read back"
	case c.Verdict == judge.Pass && c.Provenance.Level < c.Settings.RequiredEvidence:
		c.Verdict = judge.Error
		c.Reason = fmt.Sprintf("the evidence is %s, below the %s that REQUIRED_EVIDENCE asks for: %s. What was seen: %s", c.Provenance.Level, c.Settings.RequiredEvidence, c.Provenance.NotReached, c.Reason)
	case c.Verdict == judge.Pass && c.cutShort != nil:
		c.Reason = fmt.Sprintf("the chaos could not be carried out: %v. What had been acknowledged was there: %s", c.cutShort, c.Reason)
		c.Verdict = judge.Error
	}
	c.limits()
	c.stig()
}

// gather collects what all looks found, and what the volume refused to the pods.
func (c *cell) gather() {
	var found [][]judge.Finding
	for _, look := range c.looks() {
		found = append(found, look.Judgement.Findings)
		c.note(look.Judgement.Notes...)
	}
	c.Findings = judge.Merge(append(found, c.letDown)...)
	if c.Plan.Force && len(c.Findings) > 0 && len(c.Epochs) > 1 {
		c.note("writers were deleted by force, and may have been alive beside their successors: on a filesystem that does not append as one between nodes, such as NFS, one may have overwritten the other")
	}
}

// looks are all that was seen of the journal, in order.
func (c *cell) looks() []*result.JournalRead {
	var looks []*result.JournalRead
	for _, e := range c.Epochs {
		if e.InitialRead != nil {
			looks = append(looks, e.InitialRead)
		}
	}
	if c.Reader != nil {
		looks = append(looks, c.Reader)
	}
	return looks
}

// note adds what was not noted yet.
func (c *cell) note(notes ...string) {
	for _, n := range notes {
		if !slices.Contains(c.Notes, n) {
			c.Notes = append(c.Notes, n)
		}
	}
}

// limits says what a Pass does not prove.
func (c *cell) limits() {
	if c.Reader != nil && len(c.Epochs) > 0 && c.Reader.Node == c.Epochs[len(c.Epochs)-1].Node {
		same := "the reader ran on the writer's node, where the volume may never have been unmounted"
		if c.Reader.ScanResult.ReadMode != protocol.ReadDirect {
			same += ", and may have read its page cache, not the storage"
		}
		c.NotShown = append(c.NotShown, same)
	}
	c.NotShown = append(c.NotShown, "a deleted pod is no power failure: whether the storage keeps its promise through one was not tried")
}

// stig adds the check's own words where the run is the check.
func (c *cell) stig() {
	if !c.Settings.STIG() || c.Plan.Name != "" || c.Reader == nil {
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

// conclude gives the cell a verdict where the phases could not. What was found by
// then is found, whatever kept the rest from being done.
func (c *cell) conclude(err error) {
	if err == nil || c.Verdict != "" {
		return
	}
	c.Acks = c.ledger.Acks()
	c.gather()
	switch {
	case len(c.Findings) > 0:
		c.Verdict = judge.Fail
		c.Reason = fmt.Sprintf("%s. The run ended early: %v", c.VerificationSentence(), err)
	case errors.Is(err, errStopped):
		c.Verdict, c.Reason = judge.Stopped, err.Error()
	case c.cannotBe(err):
		c.Verdict, c.Reason = judge.Skipped, err.Error()
	default:
		c.Verdict, c.Reason = judge.Error, err.Error()
	}
}

// cannotBe says whether an error is that the cluster cannot do what makes the cell.
// Once something is at stake that is only where the reader is to run: a writer that
// cannot come back to its volume is no combination that was not to be had.
func (c *cell) cannotBe(err error) bool {
	var unsupported *kube.Unsupported
	if !errors.As(err, &unsupported) {
		return false
	}
	return len(c.Acks) == 0 || errors.Is(err, errElsewhere) && c.placement() != kube.Placement{}
}
