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
	encoder *Encoder
	offset  int64
	lines   []byte
	failed  error
}

// NewWriter starts an epoch at the end of a file of the given length. If an earlier epoch
// left an unterminated last line, the first commit starts a new line after it. Nothing is
// overwritten.
func NewWriter(file File, format Format, epoch int, length int64, unterminated bool) (*Writer, error) {
	encoder, err := NewEncoder(format, epoch)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: file, encoder: encoder, offset: length}
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
	first := w.encoder.last.Seq + 1
	for range n {
		w.lines = w.encoder.append(w.lines, w.offset, now())
		w.offset += int64(w.encoder.recordSize())
	}
	last := w.encoder.last
	if err := w.writeLines(n); err != nil {
		w.failed = fmt.Errorf("committing sequence %d to %d of epoch %d: %w", first, last.Seq, last.Epoch, err)
		return Record{}, w.failed
	}
	return last, nil
}

// writeLines writes the lines of n records, and makes them durable.
func (w *Writer) writeLines(n int) error {
	if _, err := w.file.Write(w.lines); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := w.encoder.PrepareDuring(w.file.Datasync, n); err != nil {
		return fmt.Errorf("fdatasync: %w", err)
	}
	w.lines = w.lines[:0]
	return nil
}
