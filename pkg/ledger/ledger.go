// Package ledger keeps the acknowledgements of a run outside the volume under test and
// outside the pod that wrote to it.
//
// Acknowledgements may be lost, delayed or duplicated. The ledger does not depend on how
// they arrive or on what happens to the data.
package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Ack acknowledges that an epoch is durable up to a sequence number. It includes every
// earlier acknowledgement of its epoch.
type Ack struct {
	journal.Point
	// Digest is the checksum of the record with this epoch and sequence number. It depends on every earlier record of
	// the epoch.
	Digest uint32 `json:"digest"`
	// Time is when the writer's sync returned, by the writer's clock.
	Time time.Time `json:"time"`
}

// Ledger holds the highest acknowledgement of every epoch. It is safe for concurrent use.
// The zero value is an empty ledger.
type Ledger struct {
	mu sync.Mutex
	// highest has the highest acknowledgement of each epoch, sorted by epoch.
	highest []Ack
	// shared is how many of them a caller of Acks may still read. They must not change.
	shared int
	// records is the number of records that they cover.
	records uint64
}

// Add adds an acknowledgement. An older or repeated one changes nothing. One that
// contradicts the ledger is an error: it means that two writers used the same epoch.
func (l *Ledger) Add(a Ack) error {
	if a.Epoch < 1 || a.Epoch > journal.MaxEpoch || a.Seq < 1 {
		return fmt.Errorf("acknowledgement of epoch %d, sequence %d: want an epoch from 1 to %d and a sequence of at least 1",
			a.Epoch, a.Seq, journal.MaxEpoch)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i, known := Find(l.highest, a.Epoch)
	if !known {
		l.copyIfShared(i)
		l.highest = slices.Insert(l.highest, i, a)
		l.records += a.Seq
		return nil
	}
	highest := l.highest[i]
	if highest.Seq == a.Seq && highest.Digest != a.Digest {
		return fmt.Errorf("acknowledgements of epoch %d, sequence %d contradict each other: digests %08x and %08x",
			a.Epoch, a.Seq, highest.Digest, a.Digest)
	}
	if highest.Seq < a.Seq {
		l.copyIfShared(i)
		l.highest[i] = a
		l.records += a.Seq - highest.Seq
	}
	return nil
}

// copyIfShared copies the acknowledgements if a caller of Acks may still read the one with an index. This is rare:
// usually only the last epoch gets acknowledgements, and Acks was called before it had any.
func (l *Ledger) copyIfShared(index int) {
	if index < l.shared {
		l.highest, l.shared = slices.Clone(l.highest), 0
	}
}

// Find returns the index of an epoch in acknowledgements that are sorted by epoch, or the index at which it belongs.
func Find(acks []Ack, epoch int) (index int, known bool) {
	return slices.BinarySearchFunc(acks, epoch, func(a Ack, epoch int) int { return cmp.Compare(a.Epoch, epoch) })
}

// Acks returns the highest acknowledgement of every epoch that has one, sorted by epoch. The caller must not change
// them.
func (l *Ledger) Acks() []Ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shared = len(l.highest)
	return slices.Clip(l.highest)
}

// Records returns the number of acknowledged records.
func (l *Ledger) Records() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records
}

// CountRecords returns the number of records that acknowledgements of different epochs cover.
func CountRecords(acks []Ack) uint64 {
	var n uint64
	for _, a := range acks {
		n += a.Seq
	}
	return n
}

// Validate checks acknowledgements that come from outside, such as from a file: each must
// be possible, they must be sorted by epoch, and all their records must fit into one file. The
// error joins all mistakes.
func Validate(f journal.Format, acks []Ack) error {
	var l Ledger
	problems := []error{f.Validate()}
	var free uint64 = math.MaxInt64
	for i, a := range acks {
		if i > 0 && a.Epoch < acks[i-1].Epoch {
			problems = append(problems, fmt.Errorf("epoch %d comes after epoch %d: want the acknowledgements sorted by epoch",
				a.Epoch, acks[i-1].Epoch))
		}
		if _, twice := Find(l.highest, a.Epoch); twice {
			problems = append(problems, fmt.Errorf("epoch %d has two acknowledgements", a.Epoch))
		}
		problems = append(problems, l.Add(a))
		if f.RecordSize > 0 && a.Seq > free/uint64(f.RecordSize) {
			problems = append(problems, fmt.Errorf(
				"epoch %d, sequence %d: no file can hold so many records of %d bytes", a.Epoch, a.Seq, f.RecordSize))
			continue
		}
		free -= a.Seq * uint64(max(0, f.RecordSize))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("invalid ledger: %w", err)
	}
	return nil
}
