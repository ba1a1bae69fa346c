// Package judge compares the scan of a journal with the acknowledgements in the
// ledger, and reports every difference as a finding.
//
// It is pure: it does no I/O, reads no clock and does not depend on Kubernetes. The same
// input always gives the same findings, so a verdict can be reproduced from a saved
// evidence bundle.
package judge

import (
	"cmp"
	"slices"
	"sort"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// Input is everything that a judgement depends on.
type Input struct {
	// Layout is the write pattern and its objects; zero for the write pattern append.
	Layout pattern.Layout `json:"layout,omitzero"`
	// Acks are the highest acknowledgements that each epoch had when the scan was requested.
	Acks []ledger.Ack `json:"acks"`
	// Scan is the scan to judge. It must have been asked for the digests at the points of Acks.
	Scan journal.ScanReport `json:"scan"`
	// Earlier are the reports of pods that scanned the same journal before.
	Earlier []journal.ScanReport `json:"earlier,omitempty"`
	// Epochs is the number of epochs that had been started.
	Epochs int `json:"epochs"`
	// MayOverlap reports whether a writer may have been running after the next one had started, because its pod
	// was deleted by force.
	MayOverlap bool `json:"mayOverlap,omitempty"`
}

// Judgement is the outcome of comparing a journal with its acknowledgements.
type Judgement struct {
	Findings []Finding `json:"findings,omitempty"`
	// Notes are observations that do not affect the verdict.
	Notes []string `json:"notes,omitempty"`
	// Acknowledged is the number of acknowledged records.
	Acknowledged uint64 `json:"acknowledged"`
	// Intact is the number of acknowledged records that are not lost: they are present and intact, superseded or removed.
	Intact uint64 `json:"intact"`
	// Superseded is the number of acknowledged records that later acknowledged ones have overwritten or replaced. They
	// can no longer be verified.
	Superseded uint64 `json:"superseded,omitempty"`
	// Removed is the number of acknowledged records whose files later acknowledged operations have removed. The files
	// must be absent.
	Removed uint64 `json:"removed,omitempty"`
}

// IntactPhrase states that all acknowledged records are intact. It applies if there is no finding, and does not begin
// with a capital letter.
func (j Judgement) IntactPhrase() string {
	if j.Acknowledged == 1 {
		return "the only acknowledged record is intact"
	}
	all := "all " + Count(j.Acknowledged, "acknowledged record") + " are intact"
	if j.Superseded > 0 {
		all += ", or later ones replaced them (" + FormatCount(j.Superseded) + ")"
	}
	if j.Removed > 0 {
		all += ", or later operations removed them (" + FormatCount(j.Removed) + ")"
	}
	return all
}

// Judge compares a journal with its acknowledgements and reports every difference.
//
// If records are appended, acknowledged records must be present, in order, exactly once and intact. If the write
// pattern has objects, each object must have its last acknowledged record, or a later one. Records that were never
// acknowledged may be missing or torn. Records of another journal or of an epoch that was not started are findings, and
// so are unexpected bytes before or between acknowledged records.
func Judge(in Input) Judgement {
	e := newEvaluation(in)
	e.judgement.Acknowledged = ledger.CountRecords(e.Acks)
	e.judgement.Intact = e.judgement.Acknowledged
	if e.isAllLost() {
		return e.judgement
	}
	if in.Layout.Pattern.HasObjects() {
		e.checkObjects()
	} else {
		e.checkJournal()
	}
	return e.judgement
}

// checkJournal compares a journal to which records are appended with its acknowledgements.
func (e *evaluation) checkJournal() {
	for _, ack := range e.Acks {
		e.checkEpoch(ack)
	}
	e.checkForeign()
	e.checkOverlap()
	e.checkStart()
	e.checkUnlisted()
}

// evaluation collects the findings of one judgement.
type evaluation struct {
	// Input has its acknowledgements sorted by epoch.
	Input
	// segments and digests are those of the scan, sorted by epoch.
	segments  []journal.Segment
	digests   []journal.Digest
	judgement Judgement
	// attributed are the ranges of damaged bytes that a finding about lost records has.
	attributed []journal.Range
}

func newEvaluation(in Input) *evaluation {
	in.Acks = sorted(in.Acks, func(a ledger.Ack) int { return a.Epoch })
	return &evaluation{
		Input:    in,
		segments: sorted(in.Scan.Segments, epochOfSegment),
		digests:  sorted(in.Scan.Digests, epochOfDigest),
	}
}

func (e *evaluation) note(note string) { e.judgement.Notes = append(e.judgement.Notes, note) }

// report adds a finding. Records that are only reordered or duplicated still count as intact.
func (e *evaluation) report(f Finding) {
	e.judgement.Findings = append(e.judgement.Findings, f)
	if f.Class != Reordered && f.Class != Duplicated {
		e.judgement.Intact -= min(e.judgement.Intact, f.Records)
	}
}

// isAllLost reports whether nothing of this run is left in the journal, and adds the one finding for it.
func (e *evaluation) isAllLost() bool {
	r := e.Scan
	if e.judgement.Acknowledged == 0 || r.Records > 0 {
		return false
	}
	first, last := e.Acks[0], e.Acks[len(e.Acks)-1]
	f := Finding{Epoch: first.Epoch, First: 1, Last: last.Seq, Records: e.judgement.Acknowledged, End: r.Bytes}
	if last.Epoch > first.Epoch {
		f.LastEpoch = last.Epoch
	}
	switch {
	case !r.Present:
		f.Class, f.Detail = Missing, "there is no journal"
	case r.Bytes == 0:
		f.Class, f.Detail = Missing, "the journal is empty"
	case len(r.Foreign) > 0:
		f.Class, f.Detail = Foreign, "only journal "+r.Foreign[0].ID+" was found, which this run did not write"
	default:
		return false
	}
	e.report(f)
	return true
}

// checkEpoch compares the records of one epoch with its acknowledgement.
func (e *evaluation) checkEpoch(ack ledger.Ack) {
	segments := e.segmentsOf(ack.Epoch)
	present := e.findPresent(ack, segments)
	e.checkOrder(ack, segments, present)
	next := uint64(1)
	for _, r := range present {
		if r.first > next {
			e.reportLost(ack, next, r.first-1, present)
		}
		next = r.last + 1
	}
	if next <= ack.Seq {
		e.reportLost(ack, next, ack.Seq, present)
	}
	e.checkDigests(ack, present)
	e.checkInserted(ack, segments)
}

// segmentsOf returns the segments of an epoch in the order of the file.
func (e *evaluation) segmentsOf(epoch int) []journal.Segment {
	return withKey(e.segments, epochOfSegment, epoch)
}

func epochOfSegment(s journal.Segment) int { return s.Epoch }

func epochOfDigest(d journal.Digest) int { return d.Epoch }

// withKey returns those entries of a list that have a key. The list must be sorted by its keys.
func withKey[T any](all []T, keyOf func(T) int, key int) []T {
	from := sort.Search(len(all), func(i int) bool { return keyOf(all[i]) >= key })
	to := sort.Search(len(all), func(i int) bool { return keyOf(all[i]) > key })
	return all[from:to]
}

// sorted returns a list in the order of its keys. It keeps the order of entries with the same key. Most lists of a scan
// are in this order already; then sorted copies nothing.
func sorted[T any, K cmp.Ordered](all []T, key func(T) K) []T {
	compare := func(a, b T) int { return cmp.Compare(key(a), key(b)) }
	if slices.IsSortedFunc(all, compare) {
		return all
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, compare)
	return all
}

// checkUnlisted reports what the scan found but did not list: it cannot be judged, and must not pass.
func (e *evaluation) checkUnlisted() {
	if e.Scan.Unlisted > 0 {
		e.report(Finding{Class: Corrupt, Detail: "the scan found " + Count(e.Scan.Unlisted, "range") +
			" of bytes that it does not list"})
	}
}
