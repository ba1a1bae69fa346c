package result

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// BriefEpochs has the main facts of the writers that the list of epochs leaves out. Each of them found all records that
// were acknowledged before it, and its volume, node, kernel and image are those of an epoch in that list.
type BriefEpochs struct {
	// Epochs are these writers, in the order in which they ran.
	Epochs []BriefEpoch `json:"epochs,omitempty"`
	// Records is how many records they acknowledged after their first acknowledgements.
	Records uint64 `json:"records"`
	// Time is the sum of the times from their first to their last acknowledgements, by the writers' clocks.
	Time time.Duration `json:"time"`
}

// BriefEpoch has the main facts of one writer.
type BriefEpoch struct {
	// Number counts all writers of the cell from 1.
	Number int `json:"number"`
	// Recovery is the time from the deletion of the previous writer to the first acknowledgement of this one.
	Recovery time.Duration `json:"recovery"`
	// AckedAtDeletion is how many records of all epochs were acknowledged when this writer was deleted.
	AckedAtDeletion uint64 `json:"ackedAtDeletion"`
	// DeletionRequestedAt is when the deletion of the writer was requested.
	DeletionRequestedAt time.Time `json:"deletionRequestedAt"`
}

const (
	// keptAtStart and keptAtEnd are how many of the first and of the last writers of a cell the result always has with
	// all their details.
	keptAtStart, keptAtEnd = 50, 50
	// keptRecoveries is the number of slowest recoveries whose writers the result has with all their details. The report
	// page charts as many.
	keptRecoveries = 12
)

// ShortenEpochs reduces writers in the middle of a long run to their main facts. It keeps the first and the last
// writers, those of the slowest recoveries, the first one on each host, and each one with a finding, a note or an
// error. acks are the highest acknowledgements of all epochs. It may be called repeatedly while the cell gets more
// writers.
//
// The reads of write patterns with objects are kept: later reads do not list what they found.
func (c *Cell) ShortenEpochs(acks []ledger.Ack) {
	from, to := keptAtStart, len(c.Epochs)-keptAtEnd
	if to <= from || c.Layout.Pattern.HasObjects() {
		return
	}
	reads := c.Reads()
	if len(reads) == 0 {
		return
	}
	latest, slow, hosts := reads[len(reads)-1].ScanResult, c.besideSlowest(), map[host]bool{}
	brief := map[int]bool{}
	for i := range c.Epochs {
		e := &c.Epochs[i]
		isMiddle := from <= i && i < to
		if isMiddle && !slow[e.Number] && hosts[hostOf(*e)] && e.isUnremarkable(latest) {
			if deleted := c.deletionBefore(i); !deleted.IsZero() {
				brief[e.Number] = true
				c.addBrief(*e, deleted, acks)
				continue
			}
		}
		hosts[hostOf(*e)] = true
	}
	if len(brief) > 0 {
		// Copies of the cell share the list, so it must not change.
		c.Epochs = slices.DeleteFunc(slices.Clone(c.Epochs), func(e Epoch) bool { return brief[e.Number] })
	}
}

// host is where a writer ran. It is comparable.
type host struct {
	node, image, bootID, kernel string
	mount                       protocol.Mount
}

func hostOf(e Epoch) host { return host{e.Node, e.ImageID, e.BootID, e.Kernel, e.Mount} }

// isUnremarkable reports whether the main facts say all about a writer that the report needs. latest is the latest read
// of the journal.
func (e *Epoch) isUnremarkable(latest protocol.ScanResult) bool {
	return !e.FirstAckAt.IsZero() && !e.DeletionRequestedAt.IsZero() && e.ExitError == nil && e.APIOutage == 0 &&
		e.InitialRead != nil && e.InitialRead.isRepeatedBy(latest)
}

// isRepeatedBy reports whether a read found every acknowledged record and nothing else to report, and the latest read
// of the journal lists the same.
func (r *JournalRead) isRepeatedBy(latest protocol.ScanResult) bool {
	s, j := r.ScanResult, r.Judgement
	isIntact := s.Present && s.Unlisted == 0 && len(s.Unreadable) == 0 && s.Reread == nil &&
		j.Intact == j.Acknowledged && len(j.Findings) == 0 && len(j.Notes) == 0
	return isIntact && r.listsRepeatedBy(latest) &&
		(s.Excerpt == nil || reflect.DeepEqual(s.Excerpt, latest.Excerpt))
}

// listsRepeatedBy reports whether the lists of the latest read start with those of this one. Lists that omit what the
// next read lists must be empty: what is left of others is not at the start of a later list.
func (r *JournalRead) listsRepeatedBy(latest protocol.ScanResult) bool {
	s := r.ScanResult
	return commonStart(s.Segments, latest.Segments) == len(s.Segments) &&
		commonStart(s.Digests, latest.Digests) == len(s.Digests) &&
		commonStart(s.Foreign, latest.Foreign) == len(s.Foreign) &&
		len(s.Damage) <= len(latest.Damage) &&
		slices.EqualFunc(s.Damage, latest.Damage[:len(s.Damage)], isSameDamage)
}

// isSameDamage reports whether a later read found the same damage. The next writer may have ended its line.
func isSameDamage(before, later journal.Damage) bool {
	return before.Offset == later.Offset && before.Length <= later.Length
}

// besideSlowest returns the numbers of the writers before and after the slowest recoveries between neighbours.
func (c *Cell) besideSlowest() map[int]bool {
	type recovery struct {
		next int
		took time.Duration
	}
	var all []recovery
	for i, e := range c.Epochs[1:] {
		if e.Number == c.Epochs[i].Number+1 {
			all = append(all, recovery{e.Number, e.FirstAckAt.Sub(c.Epochs[i].DeletionRequestedAt)})
		}
	}
	slices.SortStableFunc(all, func(a, b recovery) int { return cmp.Compare(b.took, a.took) })
	beside := map[int]bool{}
	for _, r := range all[:min(keptRecoveries, len(all))] {
		beside[r.next-1], beside[r.next] = true, true
	}
	return beside
}

// addBrief adds the main facts of an epoch. deleted is when the deletion of the writer before it was requested.
func (c *Cell) addBrief(e Epoch, deleted time.Time, acks []ledger.Ack) {
	if c.Brief == nil {
		c.Brief = &BriefEpochs{}
	}
	records, took := e.written(acks)
	c.Brief.Records, c.Brief.Time = c.Brief.Records+records, c.Brief.Time+took
	i, _ := c.Brief.find(e.Number)
	c.Brief.Epochs = slices.Insert(c.Brief.Epochs, i, BriefEpoch{
		Number: e.Number, Recovery: e.FirstAckAt.Sub(deleted), AckedAtDeletion: e.AckedAtDeletion,
		DeletionRequestedAt: e.DeletionRequestedAt,
	})
}

// deletionBefore returns when the deletion of the writer before an epoch was requested; zero if that is unknown. index
// is that of the epoch.
func (c *Cell) deletionBefore(index int) time.Time {
	number := c.Epochs[index].Number
	if before := c.Epochs[index-1]; before.Number == number-1 {
		return before.DeletionRequestedAt
	}
	if i, found := c.Brief.find(number - 1); found {
		return c.Brief.Epochs[i].DeletionRequestedAt
	}
	return time.Time{}
}

// find returns the index of the epoch with a number, or the index at which it belongs. A nil b has no epochs.
func (b *BriefEpochs) find(number int) (index int, found bool) {
	if b == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(b.Epochs, number, func(e BriefEpoch, number int) int {
		return cmp.Compare(e.Number, number)
	})
}

// Writers returns how many writers the cell had.
func (c Cell) Writers() int {
	if c.Brief == nil {
		return len(c.Epochs)
	}
	return len(c.Epochs) + len(c.Brief.Epochs)
}

// AnyEpoch is a writer of which the result has all details, or only the main facts. One of its fields is nil.
type AnyEpoch struct {
	// Full has all details.
	Full *Epoch
	// Brief has the main facts.
	Brief *BriefEpoch
}

// AllEpochs returns all writers of the cell, in the order in which they ran.
func (c Cell) AllEpochs() []AnyEpoch {
	all := make([]AnyEpoch, 0, c.Writers())
	var brief []BriefEpoch
	if c.Brief != nil {
		brief = c.Brief.Epochs
	}
	for i := range c.Epochs {
		for len(brief) > 0 && brief[0].Number < c.Epochs[i].Number {
			all = append(all, AnyEpoch{Brief: &brief[0]})
			brief = brief[1:]
		}
		all = append(all, AnyEpoch{Full: &c.Epochs[i]})
	}
	return all
}

// Main returns the main facts of a writer, without its recovery.
func (e AnyEpoch) Main() BriefEpoch {
	if e.Brief != nil {
		return *e.Brief
	}
	return BriefEpoch{
		Number: e.Full.Number, AckedAtDeletion: e.Full.AckedAtDeletion, DeletionRequestedAt: e.Full.DeletionRequestedAt,
	}
}
