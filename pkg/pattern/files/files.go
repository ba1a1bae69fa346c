//go:build linux || darwin

// Package files does the operations of write patterns whose objects are files of one folder: replacing, creating,
// removing and recycling them.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// temporary is the name of the file that replaces another one.
const temporary = "temporary"

// Writer does operations on the files of a folder.
type Writer struct {
	folder string
	model  pattern.Model
}

// CreateFolder creates the folder of the files, and makes its name durable. If the folder exists, it returns an error
// for which errors.Is(err, fs.ErrExist) is true.
func CreateFolder(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	return volume.SyncFolder(filepath.Dir(path))
}

// NewWriter returns a writer to a folder, which must exist.
func NewWriter(folder string, model pattern.Model) *Writer {
	return &Writer{folder: folder, model: model}
}

// Do does operations one after the other, and returns after all of them are durable.
func (w *Writer) Do(ops []pattern.Operation) error {
	for _, op := range ops {
		if err := w.do(op); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) do(op pattern.Operation) error {
	if op.Pattern == pattern.Recycle && op.Removed != nil {
		return w.recycle(op)
	}
	if err := w.write(op); err != nil {
		return err
	}
	if op.Removed != nil {
		if err := volume.Unlink(w.path(*op.Removed)); err != nil {
			return err
		}
	}
	return w.syncFolder()
}

func (w *Writer) syncFolder() error {
	if err := volume.SyncFolder(w.folder); err != nil {
		return fmt.Errorf("fsync of the folder: %w", err)
	}
	return nil
}

// recycle renames a file and overwrites it. The new name is durable before the content changes: otherwise the old name
// could lead to the new content after a crash.
func (w *Writer) recycle(op pattern.Operation) error {
	if err := volume.Rename(w.path(*op.Removed), w.path(op.Object)); err != nil {
		return err
	}
	if err := w.syncFolder(); err != nil {
		return err
	}
	return overwrite(w.path(op.Object), op.Content)
}

// overwrite overwrites the content of a file in place, and makes it durable.
func overwrite(path string, content []byte) (err error) {
	f, err := volume.OpenInPlace(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	return f.Datasync()
}

// write writes a file under its own name or, to replace one, under a temporary name that it then renames.
func (w *Writer) write(op pattern.Operation) error {
	name := w.path(op.Object)
	if op.Pattern != pattern.Replace {
		return volume.CreateWhole(name, op.Content, os.O_EXCL)
	}
	// A writer that was killed may have left the temporary file.
	path := filepath.Join(w.folder, temporary)
	if err := volume.CreateWhole(path, op.Content, os.O_TRUNC); err != nil {
		return err
	}
	return volume.Rename(path, name)
}

func (w *Writer) path(o journal.Object) string { return filepath.Join(w.folder, w.model.ObjectName(o)) }

// Close implements io.Closer. No file stays open between operations.
func (w *Writer) Close() error { return nil }

// Read reads all files of a folder, and adds them to a scanner. Files with another name than that of an object are
// ignored. It reads past the page cache if the system supports that.
func Read(folder string, model pattern.Model, scanner *pattern.Scanner) (protocol.ReadMode, error) {
	entries, err := list(folder)
	if err != nil {
		return "", err
	}
	scanner.SetPresent()
	var mode protocol.ReadMode
	for _, entry := range entries {
		object, ok := model.ParseObjectName(entry.Name())
		if !ok {
			continue
		}
		used, err := readFile(filepath.Join(folder, entry.Name()), object, scanner)
		if err != nil {
			return mode, err
		}
		mode = Weaker(mode, used)
	}
	return mode, nil
}

// list returns the entries of a folder. It does not open anything else: opening a FIFO would wait for another process.
func list(folder string) ([]fs.DirEntry, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is %s: want a folder", folder, volume.KindOf(info.Mode()))
	}
	return os.ReadDir(folder)
}

// readFile reads one file. An error that concerns only this file is added to the scanner.
func readFile(path string, object journal.Object, scanner *pattern.Scanner) (protocol.ReadMode, error) {
	r, err := open(path)
	switch {
	case isOfOneFile(err):
		scanner.AddUnreadable(object, 0, err)
		return "", nil
	case err != nil:
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(r, journal.MaxRecordSize+1))
	switch {
	case err != nil:
		scanner.AddUnreadable(object, int64(len(content)), err)
	case len(r.Unreadable()) > 0:
		scanner.AddUnreadable(object, int64(len(content)), errUnreadable)
	default:
		scanner.Add(object, content)
	}
	return r.ReadMode(), r.Close()
}

// open opens a regular file. It does not follow a symbolic link.
func open(path string) (*volume.Reader, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, volume.KindError{Mode: info.Mode()}
	}
	return volume.OpenReader(path)
}

// isOfOneFile reports whether an error to open a file says nothing about the other files of the folder. The folder may
// list a name that leads to no file.
func isOfOneFile(err error) bool {
	var kind volume.KindError
	return errors.As(err, &kind) || errors.Is(err, fs.ErrNotExist) || volume.IsDataError(err)
}

var errUnreadable = errors.New("the storage returned an error")

// readModes are the modes from the one that shows least about the storage to the one that shows most.
var readModes = []protocol.ReadMode{
	protocol.ReadCached, protocol.ReadNoCache, protocol.ReadDropped, protocol.ReadDirect,
}

// Weaker returns the mode that shows less about the storage. The empty mode is that of no file.
func Weaker(a, b protocol.ReadMode) protocol.ReadMode {
	for _, mode := range readModes {
		if a == mode || b == mode {
			return mode
		}
	}
	return ""
}

// Remove removes the files that are objects, the temporary file, and the files named in others. Then it removes the
// folder if it is empty. It returns no error if the folder does not exist.
func Remove(folder string, others ...string) error {
	entries, err := list(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !pattern.IsObjectName(entry.Name()) && entry.Name() != temporary && !slices.Contains(others, entry.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var limit *volume.LimitError
	if err := volume.SyncFolder(filepath.Dir(folder)); !errors.As(err, &limit) {
		return err
	}
	return nil // the sync is not supported, and nothing depends on it
}
