// Package judge compares what a scan of the journal found with what the ledger
// promises, and names every difference.
//
// It is pure: no I/O, no clock, no Kubernetes. The same input always gives the
// same findings, so a verdict can be replayed from saved evidence.
package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// Class is one way in which data can differ from what was promised.
type Class string

// The classes of findings.
const (
	Missing     Class = "missing"     // no journal, or an empty one
	LostTail    Class = "lost-tail"   // the last acknowledged records of an epoch are not there
	LostHole    Class = "lost-hole"   // acknowledged records are not there, later ones are
	Corrupt     Class = "corrupt"     // other bytes stand where acknowledged records should
	Torn        Class = "torn"        // only the beginning of an acknowledged record is there
	Reordered   Class = "reordered"   // records are there, in another order than they were written
	Duplicated  Class = "duplicated"  // records are there more than once
	RolledBack  Class = "rolled-back" // records that a later pod had read back are gone again
	Foreign     Class = "foreign"     // data that this run never wrote
	Unavailable Class = "unavailable" // the volume could not be mounted or read in time
	ReadOnly    Class = "read-only"   // the volume could not be written any more
)

// Finding is one difference between the journal and the promises.
type Finding struct {
	Class Class `json:"class"`
	// Epoch, First and Last bound the records concerned; zero where none can be
	// named. Last is in LastEpoch, where that is not zero.
	Epoch     int    `json:"epoch,omitempty"`
	First     uint64 `json:"first,omitempty"`
	LastEpoch int    `json:"lastEpoch,omitempty"`
	Last      uint64 `json:"last,omitempty"`
	// Records counts the acknowledged records concerned, over all epochs.
	Records uint64 `json:"records"`
	// Offset and End bound the bytes concerned in the file, End excluded. They are
	// equal where records are gone and mark the place at which they should be.
	Offset int64 `json:"offset"`
	End    int64 `json:"end"`
	// Detail says in a few words what a class and numbers cannot.
	Detail string `json:"detail,omitempty"`
}

// String names the class, the counts and the first sequence number concerned.
func (f Finding) String() string {
	s := string(f.Class)
	if f.Records > 0 {
		s += fmt.Sprintf(": %d acknowledged records", f.Records)
	}
	if f.LastEpoch > 0 {
		s += fmt.Sprintf(", epoch %d sequence %d to epoch %d sequence %d", f.Epoch, f.First, f.LastEpoch, f.Last)
	} else if f.First > 0 {
		s += fmt.Sprintf(", epoch %d sequence %d to %d", f.Epoch, f.First, f.Last)
	}
	if f.Detail != "" {
		s += " (" + f.Detail + ")"
	}
	return s
}

// lastEpoch is the epoch that Last is in.
func (f Finding) lastEpoch() int { return max(f.Epoch, f.LastEpoch) }

// Case is everything that the judge looks at.
type Case struct {
	// Promises are the highest acknowledgements of every epoch at the time the
	// pod that scanned was asked to: what the scan must show.
	Promises []ledger.Ack `json:"promises"`
	// Report is what the scan found.
	Report journal.Report `json:"report"`
	// Earlier are the reports of pods that scanned the same journal before.
	Earlier []journal.Report `json:"earlier,omitempty"`
	// Epochs is how many epochs had been started.
	Epochs int `json:"epochs"`
	// Overlap says that a writer may have been alive after the next one had
	// started, because it was deleted by force.
	Overlap bool `json:"overlap,omitempty"`
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
func Judge(c Case) Judgement {
	j := judging{Case: c}
	j.result.Acknowledged = ledger.Records(c.Promises)
	j.result.Intact = j.result.Acknowledged
	if j.nothingLeft() {
		return j.result
	}
	for _, p := range c.Promises {
		j.epoch(p)
	}
	j.strangers()
	j.overlaps()
	if c.Report.Unlisted > 0 {
		j.find(Finding{Class: Corrupt, Detail: fmt.Sprintf("%d more places are damaged than a report lists", c.Report.Unlisted)})
	}
	return j.result
}

type judging struct {
	Case
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
	last := j.Promises[len(j.Promises)-1]
	whole := Finding{Epoch: j.Promises[0].Epoch, First: 1, Last: last.Seq, Records: promised, End: r.Bytes}
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

// part is a range of acknowledged records that is there, and the segment it is in.
type part struct {
	first, last uint64
	segment     journal.Segment
}

// present returns which acknowledged records of an epoch are there, by sequence
// number, and finds those that are there more than once. Of two copies the one
// counts that is where its records say they were put.
func (j *judging) present(p ledger.Ack, segments []journal.Segment) []part {
	athome := slices.Clone(segments)
	slices.SortStableFunc(athome, func(a, b journal.Segment) int { return cmp.Compare(min(a.Displaced, 1), min(b.Displaced, 1)) })
	var present []part
	for _, s := range athome {
		last := min(s.Last, p.Seq)
		if s.First > last {
			continue
		}
		fresh, again := compare(part{s.First, last, s}, present)
		for _, a := range again {
			j.find(j.misplaced(Duplicated, p.Epoch, a))
		}
		present = append(present, fresh...)
		slices.SortFunc(present, func(a, b part) int { return cmp.Compare(a.first, b.first) })
	}
	return present
}

// order finds acknowledged records that lie behind later ones of their epoch, or
// behind unacknowledged ones. Those are out of place that are not where they say
// they were put; where all are, those that come too late.
func (j *judging) order(p ledger.Ack, segments []journal.Segment, present []part) {
	var late, moved []part
	for _, q := range present {
		if slices.ContainsFunc(segments, func(s journal.Segment) bool {
			return s.Offset < q.segment.Offset && s.Last > q.first && j.counts(s, present, p)
		}) {
			late = append(late, q)
		}
		if q.segment.Displaced > 0 {
			moved = append(moved, q)
		}
	}
	if len(late) == 0 {
		return
	}
	if len(moved) == 0 {
		moved = late
	}
	for _, q := range moved {
		j.find(j.misplaced(Reordered, p.Epoch, q))
	}
}

// counts says whether a segment tells anything of the order: a second copy does
// not, nor do unacknowledged records before any acknowledged one.
func (j *judging) counts(s journal.Segment, present []part, p ledger.Ack) bool {
	if s.First <= p.Seq {
		return slices.ContainsFunc(present, func(q part) bool { return q.segment.Offset == s.Offset })
	}
	return slices.ContainsFunc(present, func(q part) bool { return q.segment.Offset < s.Offset })
}

// misplaced is a finding about records that are there, at a wrong place.
func (j *judging) misplaced(class Class, epoch int, p part) Finding {
	size := int64(j.Report.Size)
	at := p.segment.Offset + int64(p.first-p.segment.First)*size
	n := p.last - p.first + 1
	return Finding{Class: class, Epoch: epoch, First: p.first, Last: p.last, Records: n, Offset: at, End: at + int64(n)*size}
}

// compare divides a part into what the others, which are sorted, do not cover and what they do.
func compare(p part, others []part) (fresh, again []part) {
	for _, o := range others {
		if o.last < p.first || o.first > p.last {
			continue
		}
		if o.first > p.first {
			fresh = append(fresh, part{p.first, o.first - 1, p.segment})
		}
		again = append(again, part{max(p.first, o.first), min(p.last, o.last), p.segment})
		if o.last >= p.last {
			return fresh, again
		}
		p.first = o.last + 1
	}
	return append(fresh, p), again
}

// lost names why acknowledged records first to last of an epoch are not there.
func (j *judging) lost(p ledger.Ack, first, last uint64, present []part) {
	gap := j.gap(p, first, last, present)
	size := int64(j.Report.Size)
	f := Finding{Epoch: p.Epoch, First: first, Last: last, Records: last - first + 1, Offset: gap.from, End: gap.to}
	if gap.inside {
		f.Class = LostHole
		if gap.occupied >= int64(f.Records)*size {
			f.Class, f.Detail = gap.spoilt()
		} else if gap.occupied > 0 {
			f.Detail = fmt.Sprintf("%d damaged bytes in their place", gap.occupied)
		}
		j.find(f)
		return
	}
	if gap.partial {
		f.Class, f.Last, f.Records = Torn, first, 1
		j.find(f)
	} else if harmed := min(f.Records, uint64((gap.occupied+size-1)/size)); harmed > 0 {
		f.Last, f.Records = first+harmed-1, harmed
		f.Class, f.Detail = gap.spoilt()
		j.find(f)
	} else {
		f.Last = first - 1
	}
	j.lostTail(p.Epoch, f.Last+1, last, gap.to)
}

// lostTail names the records that are gone from the end of an epoch without a
// trace. An older state came back where an earlier pod had read them back, or had
// read a longer journal than is there now.
func (j *judging) lostTail(epoch int, first, last uint64, at int64) {
	seen := min(j.seen(epoch), last)
	if j.shrunk() {
		seen = last
	}
	if seen >= first {
		j.find(Finding{Class: RolledBack, Epoch: epoch, First: first, Last: seen, Records: seen - first + 1, Offset: at, End: at, Detail: "an earlier pod had read back more"})
		first = seen + 1
	}
	if first <= last {
		j.find(Finding{Class: LostTail, Epoch: epoch, First: first, Last: last, Records: last - first + 1, Offset: at, End: at})
	}
}

// seen is the highest sequence number of an epoch that an earlier pod read back.
func (j *judging) seen(epoch int) uint64 {
	var highest uint64
	for _, r := range j.Earlier {
		for _, s := range r.Segments {
			if s.Epoch == epoch {
				highest = max(highest, s.Last)
			}
		}
	}
	return highest
}

// shrunk says whether the journal, which only ever grows, is shorter than an
// earlier pod had read it.
func (j *judging) shrunk() bool {
	return slices.ContainsFunc(j.Earlier, func(r journal.Report) bool { return r.Bytes > j.Report.Bytes })
}

// gap is the place in the file where lost records should be.
type gap struct {
	from, to int64
	// inside says that later acknowledged or unacknowledged records of the epoch follow.
	inside bool
	// occupied counts the bytes between that are no other epoch's: something stands
	// where the records should. unreadable are those of them that could not be read.
	occupied, unreadable int64
	// partial says that the gap begins with the beginning of its first record.
	partial bool
}

// spoilt is what has become of records in whose place something else stands.
func (g gap) spoilt() (Class, string) {
	if g.unreadable > 0 {
		return Unavailable, fmt.Sprintf("%d bytes could not be read", g.unreadable)
	}
	return Corrupt, ""
}

func (j *judging) gap(p ledger.Ack, first, last uint64, present []part) gap {
	g := gap{from: j.startOf(p.Epoch), to: j.Report.Bytes}
	for _, q := range present {
		if q.last+1 == first {
			g.from = q.segment.End
		}
	}
	if next, found := j.next(p.Epoch, last, g.from); found {
		g.to, g.inside = next.Offset, true
	} else {
		for _, s := range j.Report.Segments {
			if s.Epoch > p.Epoch && s.Offset >= g.from {
				g.to = min(g.to, s.Offset)
			}
		}
	}
	j.fill(&g, p, first)
	return g
}

// next is the segment of an epoch that ends a gap: the first that holds later
// records where they say they were put, or else any.
func (j *judging) next(epoch int, last uint64, from int64) (next journal.Segment, found bool) {
	for _, s := range j.Report.Segments {
		if s.Epoch != epoch || s.First <= last || s.Offset < from {
			continue
		}
		if s.Displaced == 0 {
			return s, true
		}
		if !found {
			next, found = s, true
		}
	}
	return next, found
}

// fill looks at what stands in a gap. What is left of it without other epochs'
// records is occupied; where writers overlapped, these cannot be told apart, and
// the damage alone counts.
func (j *judging) fill(g *gap, p ledger.Ack, first uint64) {
	var damaged, blank, others int64
	for _, d := range j.Report.Damage {
		if d.Offset < g.from || d.Offset >= g.to {
			continue
		}
		if d.Blank {
			blank += d.Length
			continue
		}
		damaged += d.Length
		if d.Partial != nil && *d.Partial == (journal.Point{Epoch: p.Epoch, Seq: first}) {
			g.partial = true
		}
	}
	for _, s := range j.Report.Segments {
		if s.Epoch != p.Epoch {
			others += overlapOf(s.Offset, s.End, g.from, g.to)
		}
	}
	g.occupied = max(damaged, g.to-g.from-others-blank)
	for _, r := range j.Report.Unreadable {
		g.unreadable += overlapOf(r.Offset, r.Offset+r.Length, g.from, g.to)
	}
}

// startOf is where an epoch of which nothing may be left would have begun: after
// the epochs before it.
func (j *judging) startOf(epoch int) int64 {
	var at int64
	for _, s := range j.Report.Segments {
		if s.Epoch < epoch {
			at = max(at, s.End)
		}
	}
	return at
}

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
			case j.Overlap && j.Epochs > 1:
				j.note(fmt.Sprintf("%d bytes between records of epoch %d are no record: another writer may have been alive, and did not finish", d.Length, p.Epoch))
			default:
				j.find(Finding{Class: Corrupt, Epoch: p.Epoch, First: before, Last: before + 1, Offset: d.Offset, End: d.Offset + d.Length, Detail: fmt.Sprintf("%d bytes that nobody wrote, between intact records", d.Length)})
			}
		}
	}
}

func (j *judging) note(note string) { j.result.Notes = append(j.result.Notes, note) }

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
	if j.Overlap {
		j.note(fmt.Sprintf("two writers were alive at once: epoch %d wrote after epoch %d had begun", epoch, later))
		return
	}
	j.find(Finding{Class: Reordered, Epoch: s.Epoch, First: s.First, Last: s.Last, Offset: s.Offset, End: s.End, Detail: fmt.Sprintf("records of epoch %d lie behind those of epoch %d", epoch, later)})
}

// promised are the segments whose records were acknowledged. The scan was asked
// for the points at which the promises end, so segments end there too.
func (j *judging) promised() []journal.Segment {
	var all []journal.Segment
	for _, p := range j.Promises {
		for _, s := range j.segmentsOf(p.Epoch) {
			if s.Last <= p.Seq {
				all = append(all, s)
			}
		}
	}
	return all
}
