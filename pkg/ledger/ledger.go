// Package ledger keeps the acknowledgements of a run: what the writer was told
// is safe, collected outside the volume under test and outside the pod that
// wrote it.
//
// Acknowledgements may be lost, repeated or late; they are never invented. The
// ledger knows nothing of how they arrive, nor of what became of the data.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Ack says that an epoch is durable up to a sequence number. It is cumulative:
// it also stands for every earlier acknowledgement of its epoch.
type Ack struct {
	journal.Point
	// Digest is the sum of the record at the point, which depends on every record before it in the epoch.
	Digest uint32 `json:"digest"`
	// Time is when the writer's sync returned, by the writer's clock.
	Time time.Time `json:"time"`
}

// Ledger is safe for concurrent use. The zero value is an empty ledger.
type Ledger struct {
	mu      sync.Mutex
	best    map[int]Ack
	changed chan struct{}
}

// Record takes an acknowledgement into the ledger. An older or repeated one
// changes nothing. One that contradicts what the ledger holds is an error: two
// writers must have used one epoch.
func (l *Ledger) Record(a Ack) error {
	if a.Epoch < 1 || a.Seq < 1 {
		return fmt.Errorf("acknowledgement of epoch %d, sequence %d: both count from 1", a.Epoch, a.Seq)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	held, known := l.best[a.Epoch]
	if known && held.Seq == a.Seq && held.Digest != a.Digest {
		return fmt.Errorf("acknowledgements of epoch %d, sequence %d contradict each other: digests %08x and %08x", a.Epoch, a.Seq, held.Digest, a.Digest)
	}
	if known && held.Seq >= a.Seq {
		return nil
	}
	if l.best == nil {
		l.best = map[int]Ack{}
	}
	l.best[a.Epoch] = a
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return nil
}

// Acks returns the highest acknowledgement of every epoch that has one, by
// epoch: all that the storage may be held to.
func (l *Ledger) Acks() []Ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	promises := make([]Ack, 0, len(l.best))
	for _, a := range l.best {
		promises = append(promises, a)
	}
	slices.SortFunc(promises, func(a, b Ack) int { return a.Epoch - b.Epoch })
	return promises
}

// Await returns once the ledger holds an acknowledgement of the epoch.
func (l *Ledger) Await(ctx context.Context, epoch int) error {
	for {
		changed, held := l.watch(epoch)
		if held {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *Ledger) watch(epoch int) (changed <-chan struct{}, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, held := l.best[epoch]; held {
		return nil, true
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed, false
}

// CountRecords counts the acknowledged records of all promises.
func CountRecords(promises []Ack) uint64 {
	var n uint64
	for _, p := range promises {
		n += p.Seq
	}
	return n
}

// Validate refuses promises that no writer of a journal can have been given. The error
// joins all mistakes.
func Validate(f journal.Format, promises []Ack) error {
	var l Ledger
	problems := []error{f.Validate()}
	var left uint64 = math.MaxInt64
	for _, p := range promises {
		if _, twice := l.best[p.Epoch]; twice {
			problems = append(problems, fmt.Errorf("epoch %d is there twice", p.Epoch))
		}
		problems = append(problems, l.Record(p))
		if f.Size > 0 && p.Seq > left/uint64(f.Size) {
			problems = append(problems, fmt.Errorf("epoch %d, sequence %d: no file is as long, with %d bytes a record", p.Epoch, p.Seq, f.Size))
			continue
		}
		left -= p.Seq * uint64(max(0, f.Size))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("a ledger that nobody wrote: %w", err)
	}
	return nil
}
