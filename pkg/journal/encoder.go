package journal

import (
	"fmt"
	"time"
)

// Encoder encodes the records of one epoch. Each record contains the checksum of the previous one. It is not safe for
// concurrent use.
type Encoder struct {
	encoder encoder
	// last is the last record. Before the first one, it has only the epoch.
	last Record
}

// NewEncoder returns an encoder that starts an epoch.
func NewEncoder(format Format, epoch int) (*Encoder, error) {
	if err := format.Validate(); err != nil {
		return nil, err
	}
	if epoch < 1 || epoch > MaxEpoch {
		return nil, fmt.Errorf("epoch %d: want 1 to %d", epoch, MaxEpoch)
	}
	return &Encoder{encoder: newEncoder(format), last: Record{Epoch: epoch}}, nil
}

// Append appends the line of the epoch's next record, which is to be written at an offset, and returns the record.
func (e *Encoder) Append(dst []byte, offset int64, now time.Time) ([]byte, Record) {
	dst = e.append(dst, offset, now)
	return dst, e.last
}

// append is Append without the record. It changes the last record in place: copies would take a part of the time that
// encoding a small record takes.
func (e *Encoder) append(dst []byte, offset int64, now time.Time) []byte {
	r := &e.last
	r.Time, r.Seq, r.Offset, r.PrevChecksum = now, r.Seq+1, offset, r.Checksum
	return e.encoder.append(dst, r)
}

func (e *Encoder) recordSize() int { return e.encoder.RecordSize }
