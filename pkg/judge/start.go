package judge

import (
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// checkStart reports bytes and records before the first record of the first epoch. That
// writer created the file, so nothing can have been written before its first record.
func (e *evaluation) checkStart() {
	if len(e.Acks) == 0 || e.Acks[0].Epoch != 1 || e.isStartReported() {
		return
	}
	segments := e.segmentsOf(1)
	i := slices.IndexFunc(segments, func(s journal.Segment) bool { return s.First == 1 })
	if i < 0 || segments[i].Displaced == 0 {
		return
	}
	e.reportRecordsBefore(segments[i])
	e.reportBytesBefore(segments[i])
}

// isStartReported reports whether there is a finding about the first record already.
func (e *evaluation) isStartReported() bool {
	return slices.ContainsFunc(e.judgement.Findings, func(f Finding) bool { return f.Epoch == 1 && f.First == 1 })
}

// reportRecordsBefore reports records of a later epoch before the first segment.
func (e *evaluation) reportRecordsBefore(first journal.Segment) {
	i := slices.IndexFunc(e.Scan.Segments, func(s journal.Segment) bool {
		return s.Epoch > first.Epoch && s.Offset < first.Offset
	})
	if i < 0 {
		return
	}
	last := min(first.Last, e.Acks[0].Seq)
	e.report(Finding{
		Class: Reordered, Epoch: 1, First: 1, Last: last, Records: last, Offset: first.Offset, End: first.End,
		Detail: fmt.Sprintf("records of epoch %d come before the first record", e.Scan.Segments[i].Epoch),
	})
}

// reportBytesBefore reports damage before the first segment.
func (e *evaluation) reportBytesBefore(first journal.Segment) {
	for _, d := range e.Scan.Damage {
		if d.Offset < first.Offset {
			e.report(Finding{
				Class: Corrupt, Epoch: 1, First: 1, Last: 1, Offset: d.Offset, End: d.Offset + d.Length,
				Detail: Count(d.Length, "unexpected byte") + " before the first record",
			})
		}
	}
}
