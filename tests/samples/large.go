package samples

import (
	"fmt"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// ManyCells returns a result with this many cells under test and the control. Of each 100 cells, 2 failed, 1 ended in
// Error, 5 were skipped, and the others passed.
func ManyCells(count int) result.Result {
	r := Matrix()
	passed, failed, ended, left, control := r.Cells[0], r.Cells[2], r.Cells[4], r.Cells[5], r.Cells[6]
	var cells []result.Cell
	for i := range count {
		c := passed
		switch {
		case i%50 == 7:
			c = failed
		case i%100 == 11:
			c = ended
		case i%20 == 3:
			c = left
		}
		c.Spec.StorageClass = fmt.Sprintf("class-%04d", i/2)
		c.Spec.Force = i%2 == 1
		c.Spec.Name = c.Spec.StorageClass + map[bool]string{false: "/graceful", true: "/forced"}[c.Spec.Force]
		cells = append(cells, c)
	}
	r.Cells = append(cells, control)
	r.Reason = fmt.Sprintf("%d of %d cells passed", count*92/100, count)
	return r
}

// ManyDeletions returns a result with one cell whose writer was deleted this often. Every writer acknowledged as many
// records as an epoch keeps samples of.
func ManyDeletions(count int) result.Result {
	r := Pass()
	c := &r.Cells[0]
	last := c.Epochs[len(c.Epochs)-1]
	period := last.DeletionRequestedAt.Sub(c.Epochs[len(c.Epochs)-2].DeletionRequestedAt)
	WithDeletions(c, count, period)
	addRecords(c)
	AddTrace(&r)
	c.Reason = c.VerificationSentence()
	r.Reason = c.Reason
	return r
}

// WithDeletions adds epochs to a cell until its writer was deleted this often. The added epochs are copies of the last
// one, each later than the one before by a period.
func WithDeletions(c *result.Cell, count int, period time.Duration) {
	last, added := c.Epochs[len(c.Epochs)-1], count-len(c.Epochs)
	for i := range added {
		c.Epochs = append(c.Epochs, later(last, i+1, time.Duration(i+1)*period))
	}
	moved := time.Duration(added) * period
	c.Reader.Pod = laterPod(c.Reader.Pod, moved)
	c.Reader.ReceivedAt = c.Reader.ReceivedAt.Add(moved)
}

// later returns a copy of an epoch with a higher number and later times.
func later(e result.Epoch, number int, after time.Duration) result.Epoch {
	e.Number, e.Pod, e.InitialRead = e.Number+number, laterPod(e.Pod, after), nil
	e.UID = uid(1, e.Number, "write-pod")
	e.FirstAckAt, e.DeletionRequestedAt = e.FirstAckAt.Add(after), e.DeletionRequestedAt.Add(after)
	e.DeletedAt = e.DeletedAt.Add(after + time.Duration(number%97)*time.Millisecond)
	first := *e.FirstAck
	first.Epoch, first.Time = e.Number, first.Time.Add(after)
	e.FirstAck, e.Acks = &first, slices.Clone(e.Acks)
	for i := range e.Acks {
		e.Acks[i].ReceivedAt = e.Acks[i].ReceivedAt.Add(after)
	}
	return e
}

func laterPod(p result.Pod, after time.Duration) result.Pod {
	for _, at := range []*time.Time{&p.CreatedAt, &p.ScheduledAt, &p.AttachedAt, &p.MountedAt, &p.StartedAt} {
		if !at.IsZero() {
			*at = at.Add(after)
		}
	}
	return p
}

// addRecords adds the acknowledgements and the reads of added epochs.
func addRecords(c *result.Cell) {
	scan, early := c.Reader.ScanResult, c.Reader.ScanResult
	size := int64(c.Journal.RecordSize)
	for i := range c.Epochs {
		e := &c.Epochs[i]
		if e.Number <= len(c.Acks) {
			continue
		}
		seq := e.Acks[len(e.Acks)-1].Seq
		c.Acks = append(c.Acks, ledger.Ack{
			Point: journal.Point{Epoch: e.Number, Seq: seq}, Digest: uint32(e.Number), Time: e.DeletionRequestedAt,
		})
		e.AckedAtDeletion = ledger.CountRecords(c.Acks)
		e.InitialRead = &result.JournalRead{
			Pod: e.Pod, ReceivedAt: e.StartedAt.Add(60 * time.Millisecond), ScanResult: early,
			Judgement: judge.Judgement{Acknowledged: e.AckedAtDeletion - seq, Intact: e.AckedAtDeletion - seq},
		}
		scan = withSegment(scan, journal.Segment{
			Epoch: e.Number, First: 1, Last: seq, Offset: scan.Bytes, End: scan.Bytes + int64(seq)*size,
		})
	}
	c.Reader.ScanResult = scan
	c.Reader.Judgement.Acknowledged = ledger.CountRecords(c.Acks)
	c.Reader.Judgement.Intact = c.Reader.Judgement.Acknowledged
}

func withSegment(scan protocol.ScanResult, s journal.Segment) protocol.ScanResult {
	scan.Segments = append(slices.Clip(scan.Segments), s)
	scan.Bytes, scan.Records = s.End, scan.Records+s.Last
	return scan
}
