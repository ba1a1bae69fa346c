// Package judge compares what a scan of the journal found with what the ledger
// promises, and names every difference.
//
// It is pure: no I/O, no clock, no Kubernetes. The same input always gives the
// same findings, so a verdict can be replayed from saved evidence.
package judge

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// Input is everything that a judgement depends on.
type Input struct {
	// Acks are the highest acknowledgements of every epoch at the time the
	// pod that scanned was asked to: what the scan must show.
	Acks []ledger.Ack `json:"acks"`
	// Report is what the scan found.
	Report journal.Report `json:"report"`
	// Earlier are the reports of pods that scanned the same journal before.
	Earlier []journal.Report `json:"earlier,omitempty"`
	// Epochs is how many epochs had been started.
	Epochs int `json:"epochs"`
	// MayOverlap says that a writer may have been alive after the next one had
	// started, because it was deleted by force.
	MayOverlap bool `json:"mayOverlap,omitempty"`
}

// Judgement is what the judge made of a case.
type Judgement struct {
	Findings []Finding `json:"findings,omitempty"`
	// Notes say what is worth knowing and is not held against the storage.
	Notes []string `json:"notes,omitempty"`
	// Acknowledged counts the records promised; Intact those of them that are
	// there, unharmed.
	Acknowledged uint64 `json:"acknowledged"`
	Intact       uint64 `json:"intact"`
}

// Judge finds every difference between a journal and what was promised of it.
// Records that were never acknowledged may be missing or torn; acknowledged
// ones must be there, in order, once and intact, and nothing may be there that
// was never sent.
func Judge(c Input) Judgement {
	j := judging{Input: c}
	j.result.Acknowledged = ledger.CountRecords(c.Acks)
	j.result.Intact = j.result.Acknowledged
	if j.nothingLeft() {
		return j.result
	}
	for _, p := range c.Acks {
		j.epoch(p)
	}
	j.strangers()
	j.overlaps()
	j.beginning()
	if c.Report.Unlisted > 0 {
		j.find(Finding{Class: Corrupt, Detail: fmt.Sprintf("%d more places are damaged than a report lists", c.Report.Unlisted)})
	}
	return j.result
}

type judging struct {
	Input
	result Judgement
}

// find adds a finding. Records of the classes that mean loss are no longer intact.
func (j *judging) find(f Finding) {
	j.result.Findings = append(j.result.Findings, f)
	switch f.Class {
	case Reordered, Duplicated:
	default:
		j.result.Intact -= min(j.result.Intact, f.Records)
	}
}

// nothingLeft deals with a journal in which nothing of this run remains.
func (j *judging) nothingLeft() bool {
	r, promised := j.Report, j.result.Acknowledged
	if promised == 0 || r.Records > 0 {
		return false
	}
	last := j.Acks[len(j.Acks)-1]
	whole := Finding{Epoch: j.Acks[0].Epoch, First: 1, Last: last.Seq, Records: promised, End: r.Bytes}
	if last.Epoch > whole.Epoch {
		whole.LastEpoch = last.Epoch
	}
	switch {
	case !r.Present:
		whole.Class, whole.Detail = Missing, "there is no journal"
	case r.Bytes == 0:
		whole.Class, whole.Detail = Missing, "the journal is empty"
	case len(r.Foreign) > 0:
		whole.Class, whole.Detail = Foreign, "only the journal of run "+r.Foreign[0].ID+" is there"
	default:
		return false
	}
	j.find(whole)
	return true
}

// epoch holds one epoch to its promise.
func (j *judging) epoch(p ledger.Ack) {
	segments := j.segmentsOf(p.Epoch)
	present := j.present(p, segments)
	j.order(p, segments, present)
	from := uint64(1)
	for _, part := range present {
		if part.first > from {
			j.lost(p, from, part.first-1, present)
		}
		from = part.last + 1
	}
	if from <= p.Seq {
		j.lost(p, from, p.Seq, present)
	}
	j.chain(p, present)
	j.insertions(p, segments)
}

func (j *judging) segmentsOf(epoch int) []journal.Segment {
	var segments []journal.Segment
	for _, s := range j.Report.Segments {
		if s.Epoch == epoch {
			segments = append(segments, s)
		}
	}
	return segments
}

func (j *judging) note(note string) { j.result.Notes = append(j.result.Notes, note) }
