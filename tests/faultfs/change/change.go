// Package change changes the content of a file and returns exactly what is different
// afterwards.
package change

import (
	"fmt"
	"io"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// Edit replaces bytes of a file.
type Edit struct {
	// Offset is the offset of the first byte.
	Offset int64
	Data   []byte
}

// Range returns the range that the edit replaces.
func (e Edit) Range() extent.Range { return extent.Range{Offset: e.Offset, Length: int64(len(e.Data))} }

// Within returns the part of the edit that is in a range.
func (e Edit) Within(r extent.Range) Edit {
	part := e.Range().Clip(r)
	if part.Length == 0 {
		return Edit{}
	}
	return Edit{Offset: part.Offset, Data: e.Data[part.Offset-e.Offset : part.End()-e.Offset]}
}

// Change is a new size and new content of a file.
type Change struct {
	// Size is the file's size afterwards, in bytes.
	Size int64
	// Edits are made in order. The file is then truncated to Size.
	Edits []Edit
}

// File is a file that can be changed.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// Apply changes a file of a given size in bytes. It returns every range whose bytes were lost
// or changed.
func (c Change) Apply(f File, size int64) ([]extent.Range, error) {
	before := newOriginal(f, size)
	for _, edit := range c.Edits {
		if err := before.save(edit.Range()); err != nil {
			return nil, err
		}
		if _, err := f.WriteAt(edit.Data, edit.Offset); err != nil {
			return nil, fmt.Errorf("writing %d bytes at %d: %w", len(edit.Data), edit.Offset, err)
		}
	}
	different, err := before.differences()
	if err != nil {
		return nil, err
	}
	different.Add(extent.Between(c.Size, size))
	if err := f.Truncate(c.Size); err != nil {
		return nil, fmt.Errorf("setting the size to %d: %w", c.Size, err)
	}
	return different.Ranges(), nil
}

// original is the content of a file before the edits.
type original struct {
	file   File
	whole  extent.Range
	saved  extent.Set
	pieces []Edit
}

func newOriginal(f File, size int64) *original {
	return &original{file: f, whole: extent.Between(0, size)}
}

func (o *original) save(r extent.Range) error {
	for _, part := range o.saved.Missing(r.Clip(o.whole)) {
		piece, err := Read(o.file, part)
		if err != nil {
			return err
		}
		o.saved.Add(part)
		o.pieces = append(o.pieces, piece)
	}
	return nil
}

// differences compares the saved content with the current content. Edits may overlap, so
// only the end result counts.
func (o *original) differences() (extent.Set, error) {
	var different extent.Set
	for _, piece := range o.pieces {
		now, err := Read(o.file, piece.Range())
		if err != nil {
			return different, err
		}
		for i, was := range piece.Data {
			if was != now.Data[i] {
				different.Add(extent.Range{Offset: piece.Offset + int64(i), Length: 1})
			}
		}
	}
	return different, nil
}

// Read reads a range of a file, and returns it as the edit that would restore it.
func Read(f io.ReaderAt, r extent.Range) (Edit, error) {
	data := make([]byte, r.Length)
	if _, err := f.ReadAt(data, r.Offset); err != nil {
		return Edit{}, fmt.Errorf("reading %d bytes at %d: %w", r.Length, r.Offset, err)
	}
	return Edit{Offset: r.Offset, Data: data}, nil
}
