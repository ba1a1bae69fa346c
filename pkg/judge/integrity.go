package judge

import (
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// checkDigests follows the chain of checksums from the acknowledged digest back to the start of
// the epoch. A record can be intact and still not be the one that was acknowledged, for
// example when an older version of a page came back.
func (e *evaluation) checkDigests(ack ledger.Ack, present []recordRange) {
	digest, found := e.digestAt(ack.Point)
	acknowledged := !found || digest == ack.Digest
	for _, r := range slices.Backward(present) {
		if !acknowledged {
			e.report(Finding{
				Class: Corrupt, Epoch: ack.Epoch, First: r.first, Last: r.last, Records: r.last - r.first + 1,
				Offset: r.segment.Offset, End: r.segment.End,
				Detail: "the records are intact, but not the acknowledged ones",
			})
		}
		if r.segment.Unlinked && r.first == r.segment.First {
			acknowledged = !acknowledged
		} else {
			acknowledged = true // records before it are lost: the chain cannot be followed
		}
	}
}

// digestAt returns the checksum that the scan found in the record at a point.
func (e *evaluation) digestAt(point journal.Point) (sum uint32, found bool) {
	for _, d := range withKey(e.digests, epochOfDigest, point.Epoch) {
		if d.Point == point {
			return d.Checksum, true
		}
	}
	return 0, false
}

// checkInserted reports unexpected bytes between acknowledged records where no record is
// lost. If writers may have overlapped, such bytes may be the unfinished write of another
// writer, so they are a note and not a finding.
func (e *evaluation) checkInserted(ack ledger.Ack, segments []journal.Segment) {
	for _, s := range segments {
		if s.First > ack.Seq {
			continue
		}
		for _, d := range e.Scan.Damage {
			if d.Offset > s.Offset && d.Offset < s.End {
				e.reportInserted(ack, e.lastBefore(s, d.Offset), d)
			}
		}
	}
}

// reportInserted reports damage between a record of an epoch and the next one.
func (e *evaluation) reportInserted(ack ledger.Ack, before uint64, d journal.Damage) {
	inserted := Count(d.Length, "unexpected byte")
	switch {
	case before >= ack.Seq:
	case e.MayOverlap && e.Epochs > 1:
		e.note(fmt.Sprintf("%s between records of epoch %d: another writer may have left an unfinished write",
			inserted, ack.Epoch))
	default:
		e.report(Finding{
			Class: Corrupt, Epoch: ack.Epoch, First: before, Last: before + 1,
			Offset: d.Offset, End: d.Offset + d.Length, Detail: inserted + " between intact records",
		})
	}
}

// lastBefore returns the sequence number of a segment's last record before an offset.
func (e *evaluation) lastBefore(s journal.Segment, offset int64) uint64 {
	others := e.bytesWithoutRecord(s.Offset, offset)
	for _, o := range e.Scan.Segments {
		if o.Epoch != s.Epoch {
			others += intersection(o.Offset, o.End, s.Offset, offset)
		}
	}
	return s.First + uint64((offset-s.Offset-others)/int64(e.Scan.RecordSize)) - 1
}

// bytesWithoutRecord counts the bytes of a range that belong to no intact record of this run.
func (e *evaluation) bytesWithoutRecord(offset, end int64) int64 {
	var n int64
	for _, d := range e.Scan.Damage {
		n += intersection(d.Offset, d.Offset+d.Length, offset, end)
	}
	for _, f := range e.Scan.Foreign {
		n += intersection(f.Offset, f.End, offset, end)
	}
	return n
}
