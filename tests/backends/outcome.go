package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Verdict is what an event did to acknowledged records.
type Verdict string

const (
	// Kept means that all of them are intact.
	Kept Verdict = "kept"
	// Lost means that at least one is missing or damaged.
	Lost Verdict = "lost"
	// Unavailable means that the volume could not be used any more, and no record was read.
	Unavailable Verdict = "unavailable"
	// Hidden means that another client did not see the journal in time.
	Hidden Verdict = "not visible"
	// Failed means that the event could not be tested.
	Failed Verdict = "error"
)

// Outcome is what one event did.
type Outcome struct {
	Event   string  `json:"event"`
	Pattern string  `json:"pattern,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Others are the verdicts of earlier runs with the same version.
	Others []Verdict `json:"others,omitempty"`
	// Classes are the classes of the findings.
	Classes []judge.Class `json:"classes,omitempty"`
	// Acknowledged counts the acknowledged records, Lost those that are missing or damaged.
	Acknowledged uint64 `json:"acknowledged,omitempty"`
	Lost         uint64 `json:"lost,omitempty"`
	// WriterError is the system error of the writer after its last acknowledgement.
	WriterError string `json:"writerError,omitempty"`
	// Blocked reports that the writer did not continue after its server was back.
	Blocked bool `json:"blocked,omitempty"`
	// Seconds is how long the event took.
	Seconds int `json:"seconds,omitempty"`
	// Reason is why the event could not be tested, or the volume could not be used.
	Reason string `json:"reason,omitempty"`
	// reread is how the journal was read again, nil if it was read once.
	reread *protocol.Reread
}

// requireReread returns an error unless the first read had an older state, and a later one did not.
func (o Outcome) requireReread() error {
	switch {
	case o.reread == nil:
		return fmt.Errorf("the journal was read once: %s", o)
	case !o.reread.Settled:
		return fmt.Errorf("the older state remained: %s", o.reread)
	}
	return nil
}

func newOutcome(verdict judge.Verdict, findings []judge.Finding, reason string) Outcome {
	o := Outcome{Verdict: Kept}
	for _, f := range findings {
		if !slices.Contains(o.Classes, f.Class) {
			o.Classes = append(o.Classes, f.Class)
		}
	}
	isUnavailable := func(c judge.Class) bool { return c == judge.Unavailable || c == judge.ReadOnly }
	switch {
	case verdict == judge.Pass:
	case verdict == judge.Error && strings.Contains(reason, "was not visible at"):
		o.Verdict = Hidden
	case verdict != judge.Fail:
		o.Verdict, o.Reason = Failed, reason
	case !slices.ContainsFunc(o.Classes, func(c judge.Class) bool { return !isUnavailable(c) }):
		o.Verdict, o.Reason = Unavailable, reason
	default:
		o.Verdict = Lost
	}
	return o
}

func (o *Outcome) setRecords(j judge.Judgement) {
	o.Acknowledged, o.Lost = j.Acknowledged, j.Acknowledged-j.Intact
}

// addOthers adds the verdicts of an earlier outcome that differ.
func (o *Outcome) addOthers(earlier *Outcome) {
	if earlier == nil {
		return
	}
	for _, v := range append([]Verdict{earlier.Verdict}, earlier.Others...) {
		if v != o.Verdict && v != Failed && !slices.Contains(o.Others, v) {
			o.Others = append(o.Others, v)
		}
	}
}

// agrees reports whether a verdict is the one of this outcome, or of an earlier run.
func (o *Outcome) agrees(v Verdict) bool { return o.Verdict == v || slices.Contains(o.Others, v) }
