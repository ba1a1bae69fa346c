package judge

import (
	"fmt"
	"iter"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// epochPair is an epoch and a later one.
type epochPair struct{ epoch, later int }

// checkOverlap looks for acknowledged records that are after the records of a later epoch,
// or that have records of another epoch between them. Such a journal shows that two writers
// ran at the same time. If the earlier writer was deleted by force, this is not damage.
// Otherwise the experiment has waited until that writer terminated, so this cannot happen.
func (e *evaluation) checkOverlap() {
	if e.isEachEpochAfterTheOneBefore() {
		return
	}
	reported := map[epochPair]bool{}
	acknowledged := slices.Collect(e.acknowledgedSegments())
	for _, s := range acknowledged {
		if e.bytesOfOthers(s) > 0 {
			e.reportOthers(s, reported)
		}
		for _, later := range acknowledged {
			if later.Epoch > s.Epoch && later.Offset < s.Offset {
				e.reportOverlap(s, epochPair{s.Epoch, later.Epoch}, reported)
			}
		}
	}
}

// isEachEpochAfterTheOneBefore reports whether no acknowledged record is after or between the records of a later epoch,
// as in every intact journal. It needs no list of the segments, which are many after a long run.
func (e *evaluation) isEachEpochAfterTheOneBefore() bool {
	var offset int64
	for s := range e.acknowledgedSegments() {
		if s.Offset < offset || e.bytesOfOthers(s) > 0 {
			return false
		}
		offset = s.Offset
	}
	return true
}

// bytesOfOthers returns how many bytes between the first and the last record of a segment are records of other epochs.
func (e *evaluation) bytesOfOthers(s journal.Segment) int64 {
	own := int64(s.Last-s.First+1) * int64(e.Scan.RecordSize)
	return s.End - s.Offset - own - e.bytesWithoutRecord(s.Offset, s.End)
}

// reportOthers reports the epochs that have records between the first and the last one of a segment.
func (e *evaluation) reportOthers(s journal.Segment, reported map[epochPair]bool) {
	for _, o := range e.Scan.Segments {
		if o.Epoch != s.Epoch && o.Offset < s.End && o.End > s.Offset {
			e.reportOverlap(s, epochPair{min(s.Epoch, o.Epoch), max(s.Epoch, o.Epoch)}, reported)
		}
	}
}

// reportOverlap reports or notes the overlap of two epochs once.
func (e *evaluation) reportOverlap(s journal.Segment, pair epochPair, reported map[epochPair]bool) {
	if reported[pair] {
		return
	}
	reported[pair] = true
	if e.MayOverlap {
		e.note(fmt.Sprintf("two writers ran at the same time: epoch %d wrote after epoch %d had started",
			pair.epoch, pair.later))
		return
	}
	e.report(Finding{
		Class: Reordered, Epoch: s.Epoch, First: s.First, Last: s.Last, Offset: s.Offset, End: s.End,
		Detail: fmt.Sprintf("records of epoch %d come after records of epoch %d", pair.epoch, pair.later),
	})
}

// acknowledgedSegments returns the segments whose records were all acknowledged, in the order of their epochs. Segments
// end at the points that the scan was asked for, so none is acknowledged only in part.
func (e *evaluation) acknowledgedSegments() iter.Seq[journal.Segment] {
	return func(yield func(journal.Segment) bool) {
		for _, ack := range e.Acks {
			for _, s := range e.segmentsOf(ack.Epoch) {
				if s.Last <= ack.Seq && !yield(s) {
					return
				}
			}
		}
	}
}
