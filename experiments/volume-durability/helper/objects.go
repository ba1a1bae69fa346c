package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
	"github.com/volume-durability/volume-durability/pkg/pattern/mixed"
	"github.com/volume-durability/volume-durability/pkg/pattern/objects"
	"github.com/volume-durability/volume-durability/pkg/pattern/slots"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// objectWriter does the operations of a write pattern.
type objectWriter interface {
	// Do does operations, and returns after all of them are durable.
	Do([]pattern.Operation) error
	Close() error
}

// writeObjects reports what is in the objects, then does the operations of one epoch until the context ends.
func (t *task) writeObjects(ctx context.Context, out io.Writer) error {
	model, err := pattern.NewModel(t.format, t.layout)
	if err != nil {
		return err
	}
	w, err := t.openObjects(ctx, out, model)
	if err != nil {
		return err
	}
	operations, err := pattern.NewEncoder(t.format, model, t.epoch)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	return errors.Join(t.doOperations(ctx, w, operations, out), w.Close())
}

// doOperations does operations until the context ends.
func (t *task) doOperations(ctx context.Context, w objectWriter, operations *pattern.Encoder, out io.Writer) error {
	timer := newCommitTimer(nil)
	most := int(t.layout.MaxBatch(t.format.RecordSize))
	return t.commit(ctx, most, timer, out, func(n int) (journal.Record, error) {
		batch, last := operations.Next(n, time.Now)
		err := operations.PrepareDuring(func() error {
			return timer.measure(func() error {
				return t.watch("writing "+t.file, func() error { return w.Do(batch) })
			})
		}, n)
		if err != nil {
			return last, fmt.Errorf("operations up to sequence %d of epoch %d: %w", last.Seq, last.Epoch, err)
		}
		return last, nil
	})
}

// openObjects opens the objects for the task's epoch and reports what they contain.
func (t *task) openObjects(ctx context.Context, out io.Writer, model pattern.Model) (objectWriter, error) {
	if t.epoch == 1 {
		w, err := t.createObjects(model)
		if err != nil {
			return nil, err
		}
		return w, t.reportScan(out, t.noJournal())
	}
	// The device is opened before the scan: no other writer can write in between.
	device, err := t.openDevice(ctx)
	if err != nil {
		return nil, err
	}
	found, err := t.settled(ctx, func() (protocol.ScanResult, error) { return t.scanObjects(model) })
	if err == nil {
		err = t.reportScan(out, found)
	}
	if err != nil {
		if device != nil {
			err = errors.Join(err, device.Close())
		}
		return nil, err
	}
	switch {
	case device != nil:
		return slots.NewWriter(device), nil
	case !found.Present: // a later epoch creates what was lost
		return t.createObjects(model)
	default:
		return t.openExistingObjects(model)
	}
}

func (t *task) createObjects(model pattern.Model) (objectWriter, error) {
	if err := t.createFolder(); err != nil {
		return nil, err
	}
	op := "creating " + t.file
	if model.Pattern.IsFolder() {
		err := t.watch(op, func() error { return files.CreateFolder(t.file) })
		if err != nil {
			return nil, protocol.NewOpError(op, err)
		}
		return t.folderWriter(model)
	}
	size := model.Size(t.format.RecordSize)
	file, err := t.open(op, func(path string) (*volume.File, error) { return volume.CreateInPlace(path, size) })
	if err != nil {
		return nil, err
	}
	return t.slotWriter(model, file)
}

func (t *task) openExistingObjects(model pattern.Model) (objectWriter, error) {
	if model.Pattern.IsFolder() {
		return t.folderWriter(model)
	}
	file, err := t.open("opening "+t.file+" for writing", volume.OpenInPlace)
	if err != nil {
		return nil, err
	}
	return t.slotWriter(model, file)
}

// folderWriter returns the writer to the objects in a folder.
func (t *task) folderWriter(model pattern.Model) (objectWriter, error) {
	if model.Pattern != pattern.Mixed {
		return files.NewWriter(t.file, model), nil
	}
	var w *mixed.Writer
	op := "opening the objects in " + t.file
	err := t.watch(op, func() (err error) {
		w, err = mixed.NewWriter(t.file, model, model.Size(t.format.RecordSize))
		return err
	})
	if err != nil {
		return nil, protocol.NewOpError(op, err)
	}
	return w, nil
}

// slotWriter returns the writer to the slots of a file.
func (t *task) slotWriter(model pattern.Model, file *volume.File) (objectWriter, error) {
	if model.Pattern != pattern.Map {
		return slots.NewWriter(file), nil
	}
	var w *slots.MapWriter
	op := "mapping " + t.file
	err := t.watch(op, func() (err error) {
		w, err = slots.NewMapWriter(file, model.Size(t.format.RecordSize))
		return err
	})
	if err != nil {
		return nil, errors.Join(protocol.NewOpError(op, err), file.Close())
	}
	return w, nil
}

// readObjects scans the objects and reports the result.
func (t *task) readObjects(ctx context.Context, out io.Writer) error {
	model, err := pattern.NewModel(t.format, t.layout)
	if err != nil {
		return err
	}
	found, err := t.settled(ctx, func() (protocol.ScanResult, error) { return t.scanObjects(model) })
	if err != nil {
		return err
	}
	return t.reportScan(out, found)
}

// scanObjects scans all objects. The result has no mount and boot ID yet: reportScan adds them.
func (t *task) scanObjects(model pattern.Model) (found protocol.ScanResult, err error) {
	op := "reading " + t.file
	err = t.watch(op, func() (err error) {
		found.ScanReport, found.ReadMode, err = objects.Scan(t.file, t.format, model, t.points)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return t.noJournal(), nil
	}
	if err != nil {
		return protocol.ScanResult{}, protocol.NewOpError(op, err)
	}
	return found, nil
}
