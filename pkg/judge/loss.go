package judge

import "github.com/volume-durability/volume-durability/pkg/ledger"

// reportLost reports the acknowledged records first to last of an epoch, which are
// missing. The class depends on what is in their place.
func (e *evaluation) reportLost(ack ledger.Ack, first, last uint64, present []recordRange) {
	g := e.locateGap(ack, first, last, present)
	lost := Finding{
		Epoch: ack.Epoch, First: first, Last: last, Records: last - first + 1, Offset: g.offset, End: g.end,
	}
	if g.followed {
		e.reportGap(lost, g)
		return
	}
	next := e.reportRemains(lost, g)
	e.reportLostTail(ack.Epoch, next, last, g.end)
}

// reportGap reports lost records that later records of their epoch follow.
func (e *evaluation) reportGap(lost Finding, g gap) {
	lost.Class = LostGap
	if g.occupied >= int64(lost.Records)*int64(e.Scan.RecordSize) {
		lost.Class, lost.Detail = g.damage()
	} else if g.occupied > 0 {
		lost.Detail = Count(g.occupied, "damaged byte") + " in their place"
	}
	e.attribute(g, g.end)
	e.report(lost)
}

// reportRemains reports the records at the end of an epoch that are partly present, and
// returns the first sequence number of which no byte is present.
func (e *evaluation) reportRemains(lost Finding, g gap) (next uint64) {
	size := int64(e.Scan.RecordSize)
	damaged := min(lost.Records, uint64((g.occupied+size-1)/size))
	lost.End = min(g.end, g.offset+int64(lost.Records)*size)
	switch {
	case g.partial:
		lost.Class, lost.Last, lost.Records = Torn, lost.First, 1
	case damaged > 0:
		lost.Last, lost.Records = lost.First+damaged-1, damaged
		lost.Class, lost.Detail = g.damage()
	default:
		return lost.First
	}
	e.attribute(g, lost.End)
	e.report(lost)
	return lost.Last + 1
}

// reportLostTail reports records that are missing from the end of an epoch. Those that an earlier writer read are
// reported as rolled back, because the volume returned to an older state.
func (e *evaluation) reportLostTail(epoch int, first, last uint64, offset int64) {
	rolledBack := min(e.lastReadEarlier(epoch), last)
	if rolledBack >= first {
		e.report(Finding{
			Class: RolledBack, Epoch: epoch, First: first, Last: rolledBack, Records: rolledBack - first + 1,
			Offset: offset, End: offset, Detail: "an earlier writer read these records",
		})
		first = rolledBack + 1
	}
	if first <= last {
		e.report(Finding{
			Class: LostTail, Epoch: epoch, First: first, Last: last, Records: last - first + 1,
			Offset: offset, End: offset,
		})
	}
}

// lastReadEarlier returns the highest sequence number of an epoch that an earlier writer read.
func (e *evaluation) lastReadEarlier(epoch int) uint64 {
	var highest uint64
	for _, r := range e.Earlier {
		for _, s := range r.Segments {
			if s.Epoch == epoch {
				highest = max(highest, s.Last)
			}
		}
	}
	return highest
}
