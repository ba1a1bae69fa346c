package journal

import (
	"fmt"
	"io"
	"time"
)

// File is what a Writer writes to. Write appends. Datasync returns after everything that
// was written before is on stable storage.
type File interface {
	io.Writer
	Datasync() error
}

// Writer appends the records of one epoch in commits. It is not safe for concurrent use.
// It writes nothing after an error: when a sync has failed, a later success does not prove
// that what was written before is durable.
type Writer struct {
	file    File
	encoder encoder
	epoch   int
	offset  int64
	last    Record
	lines   []byte
	failed  error
}

// NewWriter starts an epoch at the end of a file of the given length. If an earlier epoch
// left an unterminated last line, the first commit starts a new line after it. Nothing is
// overwritten.
func NewWriter(file File, format Format, epoch int, length int64, unterminated bool) (*Writer, error) {
	if err := format.Validate(); err != nil {
		return nil, err
	}
	if epoch < 1 || epoch > MaxEpoch {
		return nil, fmt.Errorf("epoch %d: want 1 to %d", epoch, MaxEpoch)
	}
	w := &Writer{file: file, encoder: newEncoder(format), epoch: epoch, offset: length}
	if unterminated {
		w.lines = append(w.lines, '\n')
		w.offset++
	}
	return w, nil
}

// Commit writes n records at once, makes them durable and returns the last one. The epoch
// may then be acknowledged up to its sequence number, with its checksum as the digest.
func (w *Writer) Commit(n int, now func() time.Time) (Record, error) {
	if w.failed != nil {
		return Record{}, w.failed
	}
	last := w.last
	for range n {
		r := Record{Time: now(), Epoch: w.epoch, Seq: last.Seq + 1, Offset: w.offset, PrevChecksum: last.Checksum}
		w.lines = w.encoder.append(w.lines, &r)
		w.offset += int64(w.encoder.RecordSize)
		last = r
	}
	if err := w.writeLines(); err != nil {
		w.failed = fmt.Errorf("committing sequence %d to %d of epoch %d: %w", w.last.Seq+1, last.Seq, w.epoch, err)
		return Record{}, w.failed
	}
	w.last = last
	return last, nil
}

func (w *Writer) writeLines() error {
	if _, err := w.file.Write(w.lines); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := w.file.Datasync(); err != nil {
		return fmt.Errorf("fdatasync: %w", err)
	}
	w.lines = w.lines[:0]
	return nil
}
