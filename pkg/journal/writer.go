package journal

import (
	"fmt"
	"io"
	"time"
)

// File is where a writer puts its records. Write appends; Datasync returns only
// after everything written before it is on stable storage.
type File interface {
	io.Writer
	Datasync() error
}

// Writer appends the records of one epoch in commits. It is not safe for
// concurrent use. After any error it writes nothing more: once a sync has
// failed, a later success proves nothing about what was written before it.
type Writer struct {
	file    File
	compose composer
	epoch   int
	offset  int64
	last    Record
	lines   []byte
	failed  error
}

// NewWriter begins an epoch at the end of a file of the given length. A torn
// last line that an earlier epoch left behind is never overwritten: unterminated
// says that one is there, and the first commit then starts on a line of its own.
func NewWriter(file File, format Format, epoch int, length int64, unterminated bool) (*Writer, error) {
	if err := format.Validate(); err != nil {
		return nil, err
	}
	if epoch < 1 || epoch > MaxEpoch {
		return nil, fmt.Errorf("epoch %d: want 1 to %d", epoch, MaxEpoch)
	}
	w := &Writer{file: file, compose: newComposer(format), epoch: epoch, offset: length}
	if unterminated {
		w.lines = append(w.lines, '\n')
		w.offset++
	}
	return w, nil
}

// Commit writes n records in one piece and makes them durable. It returns the
// last of them: its sequence number and sum are what may now be acknowledged.
func (w *Writer) Commit(n int, now func() time.Time) (Record, error) {
	if w.failed != nil {
		return Record{}, w.failed
	}
	last := w.last
	for range n {
		r := Record{Time: now(), Epoch: w.epoch, Seq: last.Seq + 1, Offset: w.offset, Prev: last.Sum}
		w.lines = w.compose.append(w.lines, &r)
		w.offset += int64(w.compose.Size)
		last = r
	}
	if err := w.flush(); err != nil {
		w.failed = fmt.Errorf("committing sequence %d to %d of epoch %d: %w", w.last.Seq+1, last.Seq, w.epoch, err)
		return Record{}, w.failed
	}
	w.last = last
	return last, nil
}

func (w *Writer) flush() error {
	if _, err := w.file.Write(w.lines); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := w.file.Datasync(); err != nil {
		return fmt.Errorf("fdatasync: %w", err)
	}
	w.lines = w.lines[:0]
	return nil
}
