//go:build linux || darwin

// Package slots does the operations of write patterns that overwrite slots in place: those of a preallocated file or of
// a block device, with write(2) or through a memory map.
package slots

import (
	"errors"
	"fmt"
	"io"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Writer overwrites slots with pwrite(2) and fdatasync(2).
type Writer struct {
	file *volume.File
}

// NewWriter returns a writer to a file or device. Close closes it.
func NewWriter(file *volume.File) *Writer { return &Writer{file: file} }

// Do does operations, and returns after all of them are durable.
func (w *Writer) Do(ops []pattern.Operation) error {
	for _, op := range ops {
		if _, err := w.file.WriteAt(op.Content, op.Offset); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if err := w.file.Datasync(); err != nil {
		return fmt.Errorf("fdatasync: %w", err)
	}
	return nil
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

// Read reads all slots of a file or device that a pattern writes, and adds them to a scanner. It reads past the page
// cache if the system supports that. A slot that cannot be read is added as such.
func Read(
	r *volume.Reader, model pattern.Model, name pattern.Name, recordSize int, scanner *pattern.Scanner,
) (protocol.ReadMode, error) {
	r.SetMinimumLength(model.Size(recordSize))
	scanner.SetPresent()
	slot := make([]byte, recordSize)
	for number := range model.Objects {
		known := len(r.Unreadable())
		n, err := io.ReadFull(r, slot)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return r.ReadMode(), err
		}
		object := journal.Object{Number: number}
		switch {
		case model.PatternOf(object) != name: // no operation writes it
		case n > 0 && (len(r.Unreadable()) > known || overlapsLast(r.Unreadable(), model.Offset(object, int64(recordSize)))):
			scanner.AddUnreadable(object, int64(n), errUnreadable)
		case n > 0:
			scanner.Add(object, slot[:n])
		}
		if err != nil {
			break
		}
	}
	return r.ReadMode(), nil
}

var errUnreadable = errors.New("the storage returned an error for a part of it")

// overlapsLast reports whether the last unreadable range extends into a slot that starts at an offset.
func overlapsLast(unreadable []journal.Range, offset int64) bool {
	if len(unreadable) == 0 {
		return false
	}
	last := unreadable[len(unreadable)-1]
	return last.Offset+last.Length > offset
}
