package pattern

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Operation is one operation of a writer.
type Operation struct {
	// Pattern is the write pattern of the operation.
	Pattern Name
	// Object is the object to write.
	Object journal.Object
	// Offset is the offset of the object in its file, in bytes. It is 0 if the object is a file.
	Offset int64
	// Content is the record to write: the whole content of the object.
	Content []byte
	// Removed is the object to remove or, for Recycle, to rename; nil for none.
	Removed *journal.Object
}

// Encoder returns the operations of one epoch. It is not safe for concurrent use.
type Encoder struct {
	model   Model
	records *journal.Encoder
	size    int64
	next    journal.Point
	content []byte
	batch   []Operation
}

// NewEncoder returns an encoder that starts an epoch.
func NewEncoder(format journal.Format, model Model, epoch int) (*Encoder, error) {
	records, err := journal.NewEncoder(format, epoch)
	if err != nil {
		return nil, err
	}
	return &Encoder{
		model: model, records: records, size: int64(format.RecordSize), next: journal.Point{Epoch: epoch, Seq: 1},
	}, nil
}

// Next returns the next n operations, and the record of the last one. The operations are valid until the next call.
func (e *Encoder) Next(n int, now func() time.Time) ([]Operation, journal.Record) {
	var last journal.Record
	e.content, e.batch = e.content[:0], e.batch[:0]
	for range n {
		op := Operation{Pattern: e.model.patternAt(e.next.Seq), Object: e.model.Written(e.next)}
		op.Offset = e.model.Offset(op.Object, e.size)
		if removed, any := e.model.Removed(e.next); any {
			op.Removed = &removed
		}
		e.content, last = e.records.Append(e.content, op.Offset, now())
		e.batch = append(e.batch, op)
		e.next.Seq++
	}
	for i := range e.batch {
		e.batch[i].Content = e.content[int64(i)*e.size : int64(i+1)*e.size]
	}
	return e.batch, last
}

// PrepareDuring does work, such as the operations that Next returned, and meanwhile prepares the next n operations. The
// work must not use the encoder. It returns the error of the work.
func (e *Encoder) PrepareDuring(work func() error, n int) error {
	return e.records.PrepareDuring(work, n)
}

// Offset returns the offset of an object in its file, in bytes. It is 0 if the object is a file.
func (m Model) Offset(o journal.Object, recordSize int64) int64 {
	if !m.IsSlot(o) {
		return 0
	}
	return int64(o.Number) * recordSize
}

// Size returns the length in bytes of a file or device with slots.
func (m Model) Size(recordSize int) int64 { return int64(m.Objects) * int64(recordSize) }
