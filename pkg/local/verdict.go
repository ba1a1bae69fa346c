package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// conclude gives the run its verdict. err is what ended the run early; a loss that was
// found before that is still a loss.
func (s *execution) conclude(ctx context.Context, err error) {
	c := &s.cell
	c.Acks = s.ledger.Acks()
	s.recordProvenance()
	s.mergeFindings()
	switch {
	case len(c.Findings) > 0:
		c.Verdict = judge.Fail
		c.Reason = c.VerificationSentence()
		if err != nil {
			c.Reason += fmt.Sprintf(". The run ended early: %v", err)
		}
	case err != nil && ctx.Err() != nil:
		c.Verdict, c.Reason = judge.Stopped, fmt.Sprintf("%v: %v", errStopped, context.Cause(ctx))
	case err != nil:
		c.Verdict, c.Reason = judge.Error, err.Error()
	default:
		c.Verdict, c.Reason = s.passOrError()
	}
	s.notShown()
}

// passOrError returns the verdict of a run that has read everything back and found
// nothing wrong. What was not established is no Pass.
func (s *execution) passOrError() (judge.Verdict, string) {
	c := &s.cell
	c.Verdict = judge.Pass // the sentence on the verification depends on it
	switch {
	case len(c.Acks) == 0:
		return judge.Error, "no record was acknowledged: there was nothing to verify"
	case c.Reader == nil:
		return judge.Error, "the journal was not read back"
	case s.hits == 0:
		return judge.Error, "no writer was running when it was killed: " + c.VerificationSentence()
	case c.Provenance.Level < s.Options.RequiredEvidence:
		return judge.Error, fmt.Sprintf("the evidence level is %s, below the required %s: %s",
			c.Provenance.Level, s.Options.RequiredEvidence, c.Provenance.NotReached)
	case s.refused != nil:
		return judge.Error, fmt.Sprintf("the writer could not continue: %v. All acknowledged records were there: %s",
			s.refused, c.VerificationSentence())
	}
	return judge.Pass, c.VerificationSentence()
}

func (s *execution) mergeFindings() {
	var found [][]judge.Finding
	for _, read := range s.reads() {
		found = append(found, read.Judgement.Findings)
		for _, note := range read.Judgement.Notes {
			if !slices.Contains(s.cell.Notes, note) {
				s.cell.Notes = append(s.cell.Notes, note)
			}
		}
	}
	s.cell.Findings = judge.Merge(append(found, s.failures)...)
}

// reads returns all reads of the journal, in order.
func (s *execution) reads() []*result.JournalRead {
	var all []*result.JournalRead
	for _, e := range s.cell.Epochs {
		if e.InitialRead != nil {
			all = append(all, e.InitialRead)
		}
	}
	if s.cell.Reader != nil {
		all = append(all, s.cell.Reader)
	}
	return all
}

// recordProvenance records what happened to the filesystem between the last writer and
// the reader.
func (s *execution) recordProvenance() {
	c := &s.cell
	if len(c.Epochs) == 0 {
		return
	}
	last := c.Epochs[len(c.Epochs)-1]
	c.Provenance = provenance.History{
		Writer:     provenance.Location{Node: last.Node, BootID: last.BootID, Mount: last.Mount},
		Reattached: provenance.Observation{Answer: provenance.No, Reason: "a run without a cluster attaches no volume"},
	}
	if c.Reader != nil {
		scan := c.Reader.ScanResult
		c.Provenance.Reader = &provenance.Location{Node: c.Reader.Node, BootID: scan.BootID, Mount: scan.Mount}
		c.Provenance.ReadMode = scan.ReadMode
		c.Provenance.Unmounted = s.unmounted(last.Mount, scan)
	}
	c.Provenance.SameVolume = s.sameFilesystem()
	c.Provenance.Evaluate()
}

// unmounted reports whether the filesystem was unmounted between the last writer and
// the reader, or the device came back as another one.
func (s *execution) unmounted(before protocol.Mount, scan protocol.ScanResult) provenance.Observation {
	now := scan.Mount
	if s.Target.Device && before.Sequence != 0 && now.Sequence != 0 && before.Sequence != now.Sequence {
		return provenance.Observation{Answer: provenance.Yes, Reason: fmt.Sprintf(
			"the device had sequence number %d when it was written and %d when it was read", before.Sequence, now.Sequence)}
	}
	if s.watch == nil {
		return provenance.Observation{Answer: provenance.Unknown, Reason: "unmounting was not observed"}
	}
	return s.watch.observe()
}

// sameFilesystem reports whether all writers and the reader had the same filesystem.
func (s *execution) sameFilesystem() provenance.Observation {
	first := s.cell.Epochs[0].Mount
	mounts := []protocol.Mount{}
	for _, e := range s.cell.Epochs {
		mounts = append(mounts, e.Mount)
	}
	if s.cell.Reader != nil {
		mounts = append(mounts, s.cell.Reader.ScanResult.Mount)
	}
	for _, m := range mounts {
		switch {
		case m.FSType == "":
			return provenance.Observation{Answer: provenance.Unknown, Reason: "a helper did not report its mount"}
		case m.FSType != first.FSType, m.UUID != first.UUID && m.UUID != "" && first.UUID != "":
			return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf(
				"the first writer had %s %s, a later helper %s %s", first.FSType, first.UUID, m.FSType, m.UUID)}
		}
	}
	reason := fmt.Sprintf("every helper had %s (%s)", first.FSType, first.Source)
	if first.UUID != "" {
		reason += ", filesystem UUID " + first.UUID
	} else {
		reason += "; its filesystem UUID is unknown"
	}
	return provenance.Observation{Answer: provenance.Yes, Reason: reason}
}

// notShown states what a Pass does not prove.
func (s *execution) notShown() {
	level := s.cell.Provenance.Level
	if s.cell.Reader != nil && level < provenance.Remounted {
		advice := "--between can do that"
		if u := s.cell.Provenance.Unmounted; u.Answer == provenance.Unknown {
			advice = u.Reason
		}
		s.cell.NotShown = append(s.cell.NotShown,
			"the filesystem was not seen to be unmounted between writer and reader: "+advice)
	}
	if s.cell.Provenance.OtherKernel.Answer != provenance.Yes {
		s.cell.NotShown = append(s.cell.NotShown,
			"a killed process is not a power failure: the kernel that took the writes was still running when they were read")
	}
	var op *protocol.OpError
	if errors.As(s.refused, &op) {
		s.cell.NotShown = append(s.cell.NotShown, "what happens after the writer's error: "+op.Error())
	}
}
