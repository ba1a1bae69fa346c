package judge

import (
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// chain follows the sums from the acknowledged digest back to the epoch's
// beginning. A record may be intact by itself and yet not be the one that was
// acknowledged: an older version of a page, for example.
func (j *judging) chain(p ledger.Ack, present []part) {
	genuine := true
	if sum, found := j.digest(p.Point); found && sum != p.Digest {
		genuine = false
	}
	for i := len(present) - 1; i >= 0; i-- {
		q := present[i]
		if !genuine {
			j.find(Finding{Class: Corrupt, Epoch: p.Epoch, First: q.first, Last: q.last, Records: q.last - q.first + 1, Offset: q.segment.Offset, End: q.segment.End, Detail: "intact records, but not those that were acknowledged"})
		}
		switch {
		case !q.segment.Unlinked || q.first != q.segment.First:
			genuine = true // records are lost in between: the chain cannot be followed
		default:
			genuine = !genuine
		}
	}
}

func (j *judging) digest(at journal.Point) (sum uint32, found bool) {
	for _, d := range j.Report.Digests {
		if d.Point == at {
			return d.Sum, true
		}
	}
	return 0, false
}

// insertions finds bytes between acknowledged records that nobody wrote there,
// though no record is lost. Where two writers may have been alive at once it may be
// what the other one did not finish: that is noted.
func (j *judging) insertions(p ledger.Ack, segments []journal.Segment) {
	for _, s := range segments {
		if s.First > p.Seq {
			continue
		}
		for _, d := range j.Report.Damage {
			if d.Offset <= s.Offset || d.Offset >= s.End {
				continue
			}
			before := s.First + uint64((d.Offset-s.Offset-j.strange(s, d.Offset))/int64(j.Report.Size)) - 1
			switch {
			case before >= p.Seq:
			case j.MayOverlap && j.Epochs > 1:
				j.note(fmt.Sprintf("%d bytes between records of epoch %d are no record: another writer may have been alive, and did not finish", d.Length, p.Epoch))
			default:
				j.find(Finding{Class: Corrupt, Epoch: p.Epoch, First: before, Last: before + 1, Offset: d.Offset, End: d.Offset + d.Length, Detail: fmt.Sprintf("%d bytes that nobody wrote, between intact records", d.Length)})
			}
		}
	}
}

// strange counts the bytes between a segment's beginning and an offset that are
// not the segment's own.
func (j *judging) strange(s journal.Segment, upTo int64) int64 {
	n := j.notOurs(s.Offset, upTo)
	for _, o := range j.Report.Segments {
		if o.Epoch != s.Epoch {
			n += overlapOf(o.Offset, o.End, s.Offset, upTo)
		}
	}
	return n
}

// notOurs counts the bytes of a range that hold no intact record of this run.
func (j *judging) notOurs(from, to int64) int64 {
	var n int64
	for _, d := range j.Report.Damage {
		n += overlapOf(d.Offset, d.Offset+d.Length, from, to)
	}
	for _, f := range j.Report.Foreign {
		n += overlapOf(f.Offset, f.End, from, to)
	}
	return n
}

func overlapOf(from, to, start, end int64) int64 {
	return max(0, min(to, end)-max(from, start))
}

// strangers finds intact records that this run never wrote.
func (j *judging) strangers() {
	for _, f := range j.Report.Foreign {
		j.find(Finding{Class: Foreign, Offset: f.Offset, End: f.End, Detail: fmt.Sprintf("%d records of run %s", f.Records, f.ID)})
	}
	for _, s := range j.Report.Segments {
		if s.Epoch > j.Epochs {
			j.find(Finding{Class: Foreign, Epoch: s.Epoch, First: s.First, Last: s.Last, Offset: s.Offset, End: s.End, Detail: fmt.Sprintf("only %d epochs were ever started", j.Epochs)})
		}
	}
}

// beginning finds bytes, and records, before the first record of the first epoch, which
// made the file: nobody can have written there before.
func (j *judging) beginning() {
	known := slices.ContainsFunc(j.result.Findings, func(f Finding) bool { return f.Epoch == 1 && f.First == 1 })
	if known || len(j.Acks) == 0 || j.Acks[0].Epoch != 1 {
		return
	}
	for _, s := range j.segmentsOf(1) {
		if s.First != 1 {
			continue
		}
		if before := j.before(s); before != nil {
			records := min(s.Last, j.Acks[0].Seq)
			j.find(Finding{Class: Reordered, Epoch: 1, First: 1, Last: records, Records: records, Offset: s.Offset, End: s.End, Detail: fmt.Sprintf("records of epoch %d lie before the first one", before.Epoch)})
		}
		for _, d := range j.Report.Damage {
			if d.Offset < s.Offset && s.Displaced > 0 {
				j.find(Finding{Class: Corrupt, Epoch: 1, First: 1, Last: 1, Offset: d.Offset, End: d.Offset + d.Length, Detail: fmt.Sprintf("%d bytes that nobody wrote, before the first record", d.Length)})
			}
		}
		return
	}
}

// before is a segment of another epoch that lies before one that was moved; nil where
// there is none.
func (j *judging) before(s journal.Segment) *journal.Segment {
	if s.Displaced == 0 {
		return nil
	}
	for i, other := range j.Report.Segments {
		if other.Epoch > s.Epoch && other.Offset < s.Offset {
			return &j.Report.Segments[i]
		}
	}
	return nil
}
