package judge

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// overlaps looks for acknowledged records that lie behind a later epoch's, or
// between which another epoch's lie. Two writers alive at once leave that behind,
// and it is no damage, where the earlier one was deleted by force; a writer that
// was waited for cannot have done it.
func (j *judging) overlaps() {
	noted := map[[2]int]bool{}
	promised := j.promised()
	for _, s := range promised {
		others := s.End - s.Offset - int64(s.Last-s.First+1)*int64(j.Report.Size) - j.notOurs(s.Offset, s.End)
		for _, o := range j.Report.Segments {
			if others > 0 && o.Epoch != s.Epoch && o.Offset < s.End && o.End > s.Offset {
				j.overlap(s, min(s.Epoch, o.Epoch), max(s.Epoch, o.Epoch), noted)
			}
		}
		for _, later := range promised {
			if later.Epoch > s.Epoch && later.Offset < s.Offset {
				j.overlap(s, s.Epoch, later.Epoch, noted)
			}
		}
	}
}

func (j *judging) overlap(s journal.Segment, epoch, later int, noted map[[2]int]bool) {
	if noted[[2]int{epoch, later}] {
		return
	}
	noted[[2]int{epoch, later}] = true
	if j.MayOverlap {
		j.note(fmt.Sprintf("two writers were alive at once: epoch %d wrote after epoch %d had begun", epoch, later))
		return
	}
	j.find(Finding{Class: Reordered, Epoch: s.Epoch, First: s.First, Last: s.Last, Offset: s.Offset, End: s.End, Detail: fmt.Sprintf("records of epoch %d lie behind those of epoch %d", epoch, later)})
}

// promised are the segments whose records were acknowledged. The scan was asked
// for the points at which the promises end, so segments end there too.
func (j *judging) promised() []journal.Segment {
	var all []journal.Segment
	for _, p := range j.Acks {
		for _, s := range j.segmentsOf(p.Epoch) {
			if s.Last <= p.Seq {
				all = append(all, s)
			}
		}
	}
	return all
}
