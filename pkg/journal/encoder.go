package journal

import (
	"fmt"
	"time"
)

// Encoder encodes the records of one epoch. Each record contains the checksum of the previous one. It is not safe for
// concurrent use.
type Encoder struct {
	encoder encoder
	epoch   int
	last    Record
}

// NewEncoder returns an encoder that starts an epoch.
func NewEncoder(format Format, epoch int) (*Encoder, error) {
	if err := format.Validate(); err != nil {
		return nil, err
	}
	if epoch < 1 || epoch > MaxEpoch {
		return nil, fmt.Errorf("epoch %d: want 1 to %d", epoch, MaxEpoch)
	}
	return &Encoder{encoder: newEncoder(format), epoch: epoch}, nil
}

// Append appends the line of the epoch's next record, which is to be written at an offset, and returns the record.
func (e *Encoder) Append(dst []byte, offset int64, now time.Time) ([]byte, Record) {
	r := Record{Time: now, Epoch: e.epoch, Seq: e.last.Seq + 1, Offset: offset, PrevChecksum: e.last.Checksum}
	dst = e.encoder.append(dst, &r)
	e.last = r
	return dst, r
}

func (e *Encoder) recordSize() int { return e.encoder.RecordSize }
