package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const (
	// maxCommit bounds what is written and synced in one piece, in bytes.
	maxCommit = 1 << 20
	// sayEvery is how far apart acknowledgements are said at least. They are
	// cumulative, so leaving some out costs nothing but log volume.
	sayEvery = 10 * time.Millisecond
	// claimFor is how long a device is waited for that another writer holds: longer
	// than a node takes to end a pod that was deleted by force.
	claimFor = time.Minute
	// claimEvery is how far apart attempts are.
	claimEvery = 100 * time.Millisecond
)

// write says what is in the journal, then appends one epoch to it until the
// context ends.
func (t *task) write(ctx context.Context, out io.Writer) error {
	file, found, err := t.enter(ctx, out)
	if err != nil {
		return err
	}
	measured := newTally(file)
	w, err := journal.NewWriter(patientFile{measured, t.patience, t.file}, t.format, t.epoch, found.Bytes, found.Unterminated)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(t.append(ctx, w, measured, out), file.Close())
}

// enter opens the journal for this epoch. The first one must not find a file:
// whatever is there is somebody else's. Every later one says what it finds first.
func (t *task) enter(ctx context.Context, out io.Writer) (*volume.File, journal.Report, error) {
	if t.epoch == 1 {
		file, err := t.create()
		if err != nil {
			return nil, journal.Report{}, err
		}
		return file, journal.Report{}, t.sight(out, t.nothing())
	}
	device, err := t.claim(ctx)
	if err != nil {
		return nil, journal.Report{}, err
	}
	found, err := t.scan(io.Discard)
	if err == nil {
		err = t.sight(out, found)
	}
	switch {
	case err != nil && device != nil:
		return nil, journal.Report{}, errors.Join(err, device.Close())
	case err != nil:
		return nil, journal.Report{}, err
	case device != nil:
		return device, found.Report, device.SetWriteOffset(found.Bytes)
	}
	file, err := t.goOn()
	return file, found.Report, err
}

func (t *task) create() (*volume.File, error) {
	if err := t.makeFolder(); err != nil {
		return nil, err
	}
	return t.open("creating "+t.file, volume.Create)
}

// goOn opens a file to append to it.
func (t *task) goOn() (*volume.File, error) {
	if err := t.makeFolder(); err != nil {
		return nil, err
	}
	return t.open("opening "+t.file+" to go on writing", volume.OpenAppend)
}

// makeFolder makes the journal's folder, where it is to be our own. Like the file, it
// must be new in the first epoch, and is made again in a later one where it is gone.
// A device is all that we write of its claim: there is no folder to make.
func (t *task) makeFolder() error {
	if !t.ownFolder || volume.IsBlockDevice(t.file) {
		return nil
	}
	doing := "making the folder of " + t.file
	err := t.during(doing, func() error { return volume.CreateFolder(t.file) })
	if err == nil || t.epoch > 1 && errors.Is(err, fs.ErrExist) {
		return nil
	}
	return protocol.NewOpError(doing, err)
}

// claim holds the journal's device, where it is on one. A writer that was deleted
// by force may hold it for a moment longer: that one is waited for, and not the volume.
func (t *task) claim(ctx context.Context) (*volume.File, error) {
	doing := "claiming " + t.file
	device, err := t.claimWithin(ctx, doing)
	if err != nil {
		return nil, protocol.NewOpError(doing, err)
	}
	return device, nil
}

func (t *task) claimWithin(ctx context.Context, doing string) (device *volume.File, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.claimFor)
	defer cancel()
	again := time.NewTicker(claimEvery)
	defer again.Stop()
	for {
		err := t.during(doing, func() (err error) {
			device, err = volume.OpenExclusive(t.file)
			return err
		})
		if !errors.Is(err, syscall.EBUSY) {
			return device, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("somebody else holds the device: %w", err)
		}
	}
}

func (t *task) open(doing string, open func(path string) (*volume.File, error)) (file *volume.File, err error) {
	err = t.during(doing, func() error {
		file, err = open(t.file)
		return err
	})
	if err != nil {
		return nil, protocol.NewOpError(doing, err)
	}
	return file, nil
}

// append commits what is due, again and again. A commit that takes long makes
// the next one larger: records keep their rate as long as the volume can.
func (t *task) append(ctx context.Context, w *journal.Writer, measured *tally, out io.Writer) error {
	pace := newPace(t.rate, maxCommit/t.format.Size)
	said := acknowledger{out: out, epoch: t.epoch}
	for {
		n, err := pace.next(ctx)
		if err != nil {
			return errors.Join(said.flush(), measured.say(out))
		}
		last, err := w.Commit(n, time.Now)
		if err != nil {
			problem := protocol.NewOpError("writing "+t.file, err)
			problem.Writing = true
			return errors.Join(said.flush(), measured.say(out), problem)
		}
		now := time.Now()
		measured.count(n)
		if err := errors.Join(said.commit(last, now), measured.sayNowAndThen(out, now)); err != nil {
			return err
		}
	}
}

// acknowledger says commits, not more often than sayEvery.
type acknowledger struct {
	out    io.Writer
	epoch  int
	unsaid *ledger.Ack
	last   time.Time
}

func (a *acknowledger) commit(r journal.Record, at time.Time) error {
	a.unsaid = &ledger.Ack{Point: journal.Point{Epoch: a.epoch, Seq: r.Seq}, Digest: r.Sum, Time: at.UTC()}
	if at.Sub(a.last) < sayEvery {
		return nil
	}
	a.last = at
	return a.flush()
}

func (a *acknowledger) flush() error {
	if a.unsaid == nil {
		return nil
	}
	err := protocol.Write(a.out, protocol.Message{Ack: a.unsaid})
	a.unsaid = nil
	return err
}

// pace says how many records are due.
type pace struct {
	rate  float64 // records a second; 0 for no limit
	most  int     // records in one commit
	began time.Time
	done  float64
}

func newPace(rate float64, most int) *pace {
	return &pace{rate: rate, most: most, began: time.Now()}
}

// next waits until a record is due and returns how many are. It returns an error
// when the context has ended.
func (p *pace) next(ctx context.Context) (int, error) {
	if p.rate == 0 {
		return p.most, ctx.Err()
	}
	for {
		due := 1 + p.rate*time.Since(p.began).Seconds() - p.done
		if n := min(int(due), p.most); n > 0 {
			p.done += float64(n)
			return n, ctx.Err()
		}
		wait := time.NewTimer(time.Duration((1 - due) / p.rate * float64(time.Second)))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return 0, ctx.Err()
		}
	}
}
