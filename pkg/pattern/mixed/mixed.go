//go:build linux || darwin

// Package mixed does the operations of all write patterns with objects in one folder. The slots are in two files of the
// folder: one is written with write(2), the other one through a memory map.
package mixed

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
	"github.com/volume-durability/volume-durability/pkg/pattern/slots"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Names of the files with slots.
const (
	writtenSlots = "written-slots"
	mappedSlots  = "mapped-slots"
)

// Writer does operations in a folder.
type Writer struct {
	files   *files.Writer
	written *slots.Writer
	mapped  *slots.MapWriter
}

// NewWriter returns a writer to a folder, which must exist. It creates the files with slots that do not exist. Size is
// the length of each of them in bytes. Close closes them.
func NewWriter(folder string, model pattern.Model, size int64) (*Writer, error) {
	written, err := open(filepath.Join(folder, writtenSlots), size)
	if err != nil {
		return nil, err
	}
	toMap, err := open(filepath.Join(folder, mappedSlots), size)
	if err != nil {
		return nil, errors.Join(err, written.Close())
	}
	mapped, err := slots.NewMapWriter(toMap, size)
	if err != nil {
		return nil, errors.Join(err, written.Close(), toMap.Close())
	}
	return &Writer{files: files.NewWriter(folder, model), written: slots.NewWriter(written), mapped: mapped}, nil
}

func open(path string, size int64) (*volume.File, error) {
	file, err := volume.OpenInPlace(path)
	if errors.Is(err, fs.ErrNotExist) {
		return volume.CreateInPlace(path, size)
	}
	return file, err
}

// Do does operations one after the other, and returns after all of them are durable.
func (w *Writer) Do(ops []pattern.Operation) error {
	for i := range ops {
		if err := w.do(ops[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// do does one operation.
func (w *Writer) do(op []pattern.Operation) error {
	switch op[0].Pattern {
	case pattern.Overwrite:
		return w.written.Do(op)
	case pattern.Map:
		return w.mapped.Do(op)
	default:
		return w.files.Do(op)
	}
}

// Close closes the files with slots.
func (w *Writer) Close() error { return errors.Join(w.written.Close(), w.mapped.Close()) }

// Read reads all objects of a folder, and adds them to a scanner. It reads past the page cache if the system supports
// that.
func Read(
	folder string, model pattern.Model, recordSize int, scanner *pattern.Scanner,
) (protocol.ReadMode, error) {
	mode, err := files.Read(folder, model, scanner)
	for name, kind := range map[string]pattern.Name{writtenSlots: pattern.Overwrite, mappedSlots: pattern.Map} {
		if err != nil {
			return mode, err
		}
		var used protocol.ReadMode
		used, err = readSlots(filepath.Join(folder, name), model, kind, recordSize, scanner)
		mode = files.Weaker(mode, used)
	}
	return mode, err
}

// readSlots reads a file with slots. If there is none, its slots have no records.
func readSlots(
	path string, model pattern.Model, kind pattern.Name, recordSize int, scanner *pattern.Scanner,
) (protocol.ReadMode, error) {
	file, err := volume.OpenReader(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	mode, err := slots.Read(file, model, kind, recordSize, scanner)
	return mode, errors.Join(err, file.Close())
}

// Remove removes all objects, and the folder if it is empty then. It returns no error if the folder does not exist.
func Remove(folder string) error { return files.Remove(folder, writtenSlots, mappedSlots) }
