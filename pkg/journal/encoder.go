package journal

import (
	"fmt"
	"sync"
	"time"
)

// minPrepared is the minimum length in bytes of payloads that are computed in another goroutine. Computing fewer bytes
// takes less time than starting a goroutine.
const minPrepared = 8 << 10

// preparedTogether is the length in bytes of the payloads that are computed together, unless the next records need
// more. Computing those of several commits starts a goroutine less often.
const preparedTogether = 64 << 10

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

// PrepareDuring does work, which must not use the encoder. Unless the payloads of the next n records are already
// prepared, it computes them meanwhile, and possibly those of later records. Payloads are the part of encoding that
// takes most of the time, and the only one that does not depend on the time and the offset of a record. It returns the
// error of the work.
func (e *Encoder) PrepareDuring(work func() error, n int) error {
	size := e.encoder.payloadSize()
	if n*size < minPrepared || n*size <= len(e.encoder.prepared.unused) {
		return work()
	}
	n = max(n, preparedTogether/size)
	var preparing sync.WaitGroup
	preparing.Go(func() { e.encoder.prepare(e.last, n) })
	defer preparing.Wait()
	return work()
}

func (e *Encoder) recordSize() int { return e.encoder.RecordSize }

// preparedPayloads are the payloads of the next records.
type preparedPayloads struct {
	buffer []byte
	// unused is the part of buffer that was not returned.
	unused []byte
}

// next returns the payload of the next record, which has a size, if it was prepared.
func (p *preparedPayloads) next(size int) (payload []byte, ok bool) {
	if len(p.unused) == 0 {
		return nil, false
	}
	payload, p.unused = p.unused[:size], p.unused[size:]
	return payload, true
}

// prepare computes the payloads of the n records after the last one, except those that are prepared.
func (e *encoder) prepare(last Record, n int) {
	p, size := &e.prepared, e.payloadSize()
	p.buffer = append(p.buffer[:0], p.unused...)
	for i := len(p.buffer) / size; i < n; i++ {
		p.buffer = appendPayload(p.buffer, size, e.seed, last.Epoch, last.Seq+uint64(i)+1)
	}
	p.unused = p.buffer
}
