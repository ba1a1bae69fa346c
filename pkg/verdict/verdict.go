// Package verdict decides what the observations of a run mean for one cell: which errors the volume caused, what the
// helpers found, and the verdict. Runs on a cluster and local runs decide by the same rules.
//
// The package is pure. It does not depend on a Kubernetes client or on how helpers are started.
package verdict

import (
	"errors"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// ErrStopped means that the user stopped the run.
var ErrStopped = errors.New("the run was stopped")

// Shortfall is what a cell without findings lacks for a Pass.
type Shortfall int

const (
	// None means that nothing is lacking.
	None Shortfall = iota
	// NothingAcknowledged means that there was no record to verify.
	NothingAcknowledged
	// NoActiveWriter means that no writer was writing when it was deleted.
	NoActiveWriter
	// NotReadBack means that the journal was not read back.
	NotReadBack
	// WeakEvidence means that the evidence level is below the required one.
	WeakEvidence
	// WriteRefused means that the volume refused a write, so the deletions ended early.
	WriteRefused
	// ThresholdNotMeasured means that the figure of a threshold was not measured.
	ThresholdNotMeasured
)

// Conditions are what a Pass depends on besides the findings.
type Conditions struct {
	RequiredEvidence provenance.Level
	// ActiveDeletions counts the deletions of writers that were writing.
	ActiveDeletions int
	// WriteRefused reports whether the volume refused a write.
	WriteRefused bool
	Thresholds   options.Thresholds
}

// Collect merges the findings and notes of all reads of the journal, and the failures of the volume, into the cell. A
// loss that any helper found counts, even if a later one did not find it.
func Collect(c *result.Cell, failures []judge.Finding) {
	var found [][]judge.Finding
	for _, read := range c.Reads() {
		found = append(found, read.Judgement.Findings)
		AddNotes(c, read.Judgement.Notes...)
	}
	c.Findings = judge.Merge(append(found, failures)...)
}

// AddNotes adds the notes that the cell does not have yet.
func AddNotes(c *result.Cell, notes ...string) {
	for _, n := range notes {
		if !slices.Contains(c.Notes, n) {
			c.Notes = append(c.Notes, n)
		}
	}
}

// Decide sets the verdict of a cell that went through all phases. The reason that it sets says what was verified. If it
// returns a shortfall, the verdict is Error and the caller completes the reason.
//
// The state of the data comes first: a threshold decides the verdict only of a cell that would pass without it.
func Decide(c *result.Cell, conditions Conditions) Shortfall {
	c.Thresholds = compareAll(c, conditions.Thresholds)
	judged := judge.Judgement{Acknowledged: ledger.CountRecords(c.Acks), Findings: c.Findings}.Verdict()
	if judged == judge.Fail {
		fail(c)
		return None
	}
	c.Verdict = judge.Pass // the sentence depends on it
	c.Reason = c.VerificationSentence()
	shortfall := conditions.shortfall(c, judged)
	switch {
	case shortfall != None:
	case len(missed(c)) > 0:
		fail(c)
		return None
	case NotMeasured(c) != "":
		shortfall = ThresholdNotMeasured
	}
	if shortfall != None {
		c.Verdict = judge.Error
	}
	return shortfall
}

// fail sets the verdict Fail. Findings about the data precede those about thresholds.
func fail(c *result.Cell) {
	c.Verdict = judge.Fail
	c.Findings = append(c.Findings, missed(c)...)
	c.Reason = c.VerificationSentence()
}

func (w Conditions) shortfall(c *result.Cell, judged judge.Verdict) Shortfall {
	switch {
	case judged == judge.Error:
		return NothingAcknowledged
	case w.ActiveDeletions == 0 && c.Deletions() > 0:
		return NoActiveWriter
	case c.Reader == nil:
		return NotReadBack
	case c.Provenance.Level < w.RequiredEvidence:
		return WeakEvidence
	case w.WriteRefused:
		return WriteRefused
	}
	return None
}

// EndEarly sets the verdict of a cell that err has ended early. What was found by then counts.
func EndEarly(c *result.Cell, err error) {
	switch {
	case len(c.Findings) > 0:
		c.Verdict = judge.Fail
		c.Reason = fmt.Sprintf("%s. The run ended early: %v", c.VerificationSentence(), err)
	case errors.Is(err, ErrStopped):
		c.Verdict, c.Reason = judge.Stopped, err.Error()
	default:
		c.Verdict, c.Reason = judge.Error, err.Error()
	}
}
