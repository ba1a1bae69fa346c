package helper

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const (
	// deviceTimeout is how long to wait for a device that another writer holds open. A
	// node needs less to end a pod that was deleted by force.
	deviceTimeout = time.Minute
	// deviceRetryInterval is the time between two attempts to open such a device.
	deviceRetryInterval = 100 * time.Millisecond
)

// write reports what is in the journal, then appends one epoch to it until the context
// ends.
func (t *task) write(ctx context.Context, out io.Writer) error {
	if t.layout.Pattern.HasObjects() {
		return t.writeObjects(ctx, out)
	}
	file, found, err := t.openEpoch(ctx, out)
	if err != nil {
		return err
	}
	timer := newCommitTimer(file)
	watched := watchedFile{timer, t.stallWatch, t.file}
	w, err := journal.NewWriter(watched, t.format, t.epoch, found.Bytes, found.Unterminated)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(t.append(ctx, w, timer, out), file.Close())
}

// openEpoch opens the journal for the task's epoch and reports what it contains.
func (t *task) openEpoch(ctx context.Context, out io.Writer) (*volume.File, journal.ScanReport, error) {
	if t.epoch == 1 {
		return t.openFirstEpoch(out)
	}
	// The device is opened before the scan: no other writer can append in between.
	device, err := t.openDevice(ctx)
	if err != nil {
		return nil, journal.ScanReport{}, err
	}
	found, err := t.settled(ctx, func() (protocol.ScanResult, error) { return t.scan(io.Discard) })
	if err == nil {
		err = t.reportScan(out, found)
	}
	switch {
	case err != nil && device != nil:
		return nil, journal.ScanReport{}, errors.Join(err, device.Close())
	case err != nil:
		return nil, journal.ScanReport{}, err
	case device != nil:
		return device, found.ScanReport, device.SetWriteOffset(found.Bytes)
	}
	file, err := t.openAppend()
	return file, found.ScanReport, err
}

// openFirstEpoch creates the journal. If the file already exists, it
// returns an error, because another program may own it.
func (t *task) openFirstEpoch(out io.Writer) (*volume.File, journal.ScanReport, error) {
	file, err := t.create()
	if err != nil {
		return nil, journal.ScanReport{}, err
	}
	return file, journal.ScanReport{}, t.reportScan(out, t.noJournal())
}

func (t *task) create() (*volume.File, error) {
	if err := t.createFolder(); err != nil {
		return nil, err
	}
	return t.open("creating "+t.file, t.inMode(volume.Create))
}

func (t *task) openAppend() (*volume.File, error) {
	if err := t.createFolder(); err != nil {
		return nil, err
	}
	return t.open("opening "+t.file+" for appending", t.inMode(volume.OpenAppend))
}

// inMode returns a function that opens a file so that each write is durable, if the write pattern is sync-write.
func (t *task) inMode(open func(string) (*volume.File, error)) func(string) (*volume.File, error) {
	if t.layout.Pattern != pattern.SyncWrite {
		return open
	}
	return func(path string) (*volume.File, error) {
		file, err := open(path)
		if err != nil {
			return nil, err
		}
		return file.ReopenForSyncWrites()
	}
}

// createFolder creates the journal's folder if --own-folder was given. The folder must be
// new in the first epoch. A later epoch creates it again if it was lost. A journal on a
// device needs no folder.
func (t *task) createFolder() error {
	if !t.ownFolder || volume.IsBlockDevice(t.file) {
		return nil
	}
	op := "creating the folder of " + t.file
	err := t.watch(op, func() error { return volume.CreateFolder(t.file) })
	if err == nil || t.epoch > 1 && errors.Is(err, fs.ErrExist) {
		return nil
	}
	return protocol.NewOpError(op, err)
}

// openDevice opens the journal's device exclusively. It returns nil if the journal is a
// file. A writer that was deleted by force may hold the device open for some time:
// openDevice retries for up to deviceTimeout.
func (t *task) openDevice(ctx context.Context) (*volume.File, error) {
	op := "opening " + t.file + " exclusively"
	device, err := t.retryOpenDevice(ctx, op)
	if err != nil {
		return nil, protocol.NewOpError(op, err)
	}
	return device, nil
}

func (t *task) retryOpenDevice(ctx context.Context, op string) (device *volume.File, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.deviceTimeout)
	defer cancel()
	retry := time.NewTicker(deviceRetryInterval)
	defer retry.Stop()
	for {
		// Each attempt is watched by itself: the wait between them is not the volume's.
		err := t.watch(op, func() (err error) {
			device, err = volume.OpenExclusive(t.file)
			return err
		})
		if !errors.Is(err, syscall.EBUSY) {
			return device, err
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (t *task) open(op string, open func(path string) (*volume.File, error)) (file *volume.File, err error) {
	err = t.watch(op, func() error {
		file, err = open(t.file)
		return err
	})
	if err != nil {
		return nil, protocol.NewOpError(op, err)
	}
	return file, nil
}

// append commits records to the journal until the context ends.
func (t *task) append(ctx context.Context, w *journal.Writer, timer *commitTimer, out io.Writer) error {
	return t.commit(ctx, pattern.MaxCommitBytes/t.format.RecordSize, timer, out, func(n int) (journal.Record, error) {
		return w.Commit(n, time.Now)
	})
}

// commit commits up to most records at a time, at the task's rate, until the context ends. While one commit takes long,
// records become due, and the next commit is larger. commitNext commits n records and returns the last one.
func (t *task) commit(
	ctx context.Context, most int, timer *commitTimer, out io.Writer, commitNext func(n int) (journal.Record, error),
) error {
	limiter := newRateLimiter(t.rate, most)
	acks := acknowledger{out: out, epoch: t.epoch}
	for {
		n, err := limiter.next(ctx)
		if err != nil {
			return errors.Join(acks.flush(), timer.report(out))
		}
		last, err := commitNext(n)
		if err != nil {
			opErr := protocol.NewOpError("writing "+t.file, err)
			opErr.Writing = true
			return errors.Join(acks.flush(), timer.report(out), opErr)
		}
		now := time.Now()
		timer.record(n)
		if err := errors.Join(acks.commit(last, now), timer.reportIfDue(out, now)); err != nil {
			return err
		}
	}
}
