// Package verdict decides what the observations of a run mean for one cell: which errors the volume caused, what the
// helpers found, and the verdict. Runs on a cluster and local runs decide by the same rules.
//
// The package is pure. It does not depend on a Kubernetes client or on how helpers are started.
package verdict

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
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
	// Refusal is the error with which the volume refused a write; nil if it refused none.
	Refusal    error
	Thresholds options.Thresholds
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

// NoteExits notes each writer that exited by itself, with its error and the time at which the run received it. end is
// how the run ends a writer.
func NoteExits(c *result.Cell, end string) {
	for _, e := range c.Epochs {
		if e.ExitError == nil {
			continue
		}
		moment := "before it was " + end
		if !e.DeletedAt.IsZero() && e.ExitedAt.After(e.DeletedAt) { // it was deleted by force
			moment = "after it was " + end
		}
		note := fmt.Sprintf("writer %d exited %s: %s", e.Number, moment, e.ExitError)
		if !e.ExitedAt.IsZero() {
			note += ", received at " + e.ExitedAt.UTC().Format(time.RFC3339)
		}
		if isDisconnected(*e.ExitError) {
			note += ": the volume was disconnected: its FUSE daemon had died, or no server could be reached"
		}
		AddNotes(c, note)
	}
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
	if err := unsupported(c, conditions.Refusal); err != nil {
		skip(c, err)
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
	case w.Refusal != nil:
		return WriteRefused
	}
	return None
}

// unsupported returns the error of an operation that the write pattern needs and that the volume does not support; nil
// if there is none. It is err or the error with which a writer exited. What the default pattern needs is a requirement
// of every run, so without it the verdict is Error.
func unsupported(c *result.Cell, err error) error {
	if name := c.Spec.WritePattern; name == "" || name == pattern.Append {
		return nil
	}
	errs := []error{err}
	for _, e := range c.Epochs {
		if e.ExitError != nil {
			errs = append(errs, *e.ExitError)
		}
	}
	for _, err := range errs {
		var op protocol.OpError
		if errors.As(err, &op) && op.Unsupported {
			return err
		}
	}
	return nil
}

func skip(c *result.Cell, err error) {
	c.Verdict = judge.Skipped
	c.Reason = fmt.Sprintf("the volume does not support the write pattern %s: %v", c.Spec.WritePattern, err)
}

// EndEarly sets the verdict of a cell that err has ended early. What was found by then counts.
func EndEarly(c *result.Cell, err error) {
	switch {
	case len(c.Findings) > 0:
		c.Verdict = judge.Fail
		c.Reason = fmt.Sprintf("%s. The run ended early: %v", c.VerificationSentence(), err)
	case errors.Is(err, ErrStopped):
		c.Verdict, c.Reason = judge.Stopped, err.Error()
	case unsupported(c, err) != nil:
		skip(c, err)
	default:
		c.Verdict, c.Reason = judge.Error, err.Error()
	}
}
