package helper

import (
	"io"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// ackInterval is the minimum time between two acknowledgements. Acknowledgements are
// cumulative: leaving some out loses nothing and keeps the log small.
const ackInterval = 10 * time.Millisecond

// acknowledger reports acknowledgements, at most one per ackInterval.
type acknowledger struct {
	out     io.Writer
	epoch   int
	pending *ledger.Ack
	last    time.Time
}

// commit acknowledges a commit whose last record is r.
func (a *acknowledger) commit(r journal.Record, at time.Time) error {
	a.pending = &ledger.Ack{Point: journal.Point{Epoch: a.epoch, Seq: r.Seq}, Digest: r.Checksum, Time: at.UTC()}
	if at.Sub(a.last) < ackInterval {
		return nil
	}
	a.last = at
	return a.flush()
}

// flush reports the pending acknowledgement, if there is one.
func (a *acknowledger) flush() error {
	if a.pending == nil {
		return nil
	}
	err := protocol.Write(a.out, protocol.Message{Ack: a.pending})
	a.pending = nil
	return err
}
