package verdict

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Meaning is what an error means for the volume under test.
type Meaning int

const (
	// Unclear means that the volume or something else may have caused the error.
	Unclear Meaning = iota
	// Refusal means that the volume returned an error that lost no acknowledged record: it is full, for example.
	Refusal
	// Failure means that the volume failed. It is a finding.
	Failure
)

// MeaningOf returns what an error means for the volume. op is the error that the helper reported, nil if it reported
// none. class is the class of the finding if the volume caused the error; it is "" if the error may have another cause.
func MeaningOf(op *protocol.OpError, class judge.Class) Meaning {
	switch {
	case op != nil && (class == "" || op.Unsupported || isFailedWrite(*op)):
		return Refusal
	case class == "":
		return Unclear
	}
	return Failure
}

// isFailedWrite reports whether an error is that of a single write, or of a volume that was disconnected. The records
// of that write were never acknowledged, and the earlier ones may still be there. The next pod, or in a local run the
// next writer or the reader, shows whether the volume can still be used.
func isFailedWrite(op protocol.OpError) bool {
	return op.Writing && (errors.Is(op, syscall.EIO) || isDisconnected(op))
}

// isDisconnected reports whether an error means that the volume was disconnected: its FUSE daemon has died, or no
// server can be reached.
func isDisconnected(op protocol.OpError) bool {
	return errors.Is(op, syscall.ENOTCONN) || errors.Is(op, syscall.ECONNABORTED)
}

// Failures keeps the findings that show in no scan of the journal, because the volume could not be mounted, read or
// written.
type Failures struct {
	Ledger   *ledger.Ledger
	Findings []judge.Finding
}

// Classify returns what an error means for the volume, as MeaningOf does, and adds a finding if the volume failed.
// Before the first acknowledgement no data can be lost, and an error of a run that is being stopped may be due to the
// stop. Both count as Unclear.
func (f *Failures) Classify(ctx context.Context, err error, op *protocol.OpError, class judge.Class) Meaning {
	if ctx.Err() != nil || f.Ledger.Records() == 0 {
		return Unclear
	}
	meaning := MeaningOf(op, class)
	if meaning == Failure {
		f.Add(class, err)
	}
	return meaning
}

// Add adds a finding, at most one of a class.
func (f *Failures) Add(class judge.Class, err error) {
	if !slices.ContainsFunc(f.Findings, func(known judge.Finding) bool { return known.Class == class }) {
		f.Findings = append(f.Findings, judge.Finding{Class: class, Detail: err.Error()})
	}
}
