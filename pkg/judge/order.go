package judge

import (
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// checkOrder reports acknowledged records that are in the wrong order: a record with a
// higher sequence number of their epoch is before them in the file. If some records are at
// another offset than the one they name, checkOrder reports those instead.
func (e *evaluation) checkOrder(ack ledger.Ack, segments []journal.Segment, present []recordRange) {
	var late, displaced []recordRange
	for _, r := range present {
		if slices.ContainsFunc(segments, func(s journal.Segment) bool {
			return s.Offset < r.segment.Offset && s.Last > r.first && !isDuplicate(s, ack, present)
		}) {
			late = append(late, r)
		}
		if r.segment.Displaced > 0 {
			displaced = append(displaced, r)
		}
	}
	if len(late) == 0 {
		return
	}
	if len(displaced) == 0 {
		displaced = late
	}
	for _, r := range displaced {
		e.report(e.misplaced(Reordered, r))
	}
}

// isDuplicate reports whether a segment holds only further copies of records that are present elsewhere.
func isDuplicate(s journal.Segment, ack ledger.Ack, present []recordRange) bool {
	return s.First <= ack.Seq &&
		!slices.ContainsFunc(present, func(r recordRange) bool { return r.segment.Offset == s.Offset })
}
