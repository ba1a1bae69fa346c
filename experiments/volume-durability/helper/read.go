package helper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/reread"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// excerptSize is the maximum size of an excerpt in bytes.
const excerptSize = 256

// read scans the journal and reports the result.
func (t *task) read(ctx context.Context, out io.Writer) error {
	if err := t.readAndReport(ctx, out); err != nil {
		return err
	}
	if t.stay {
		<-ctx.Done()
	}
	return nil
}

func (t *task) readAndReport(ctx context.Context, out io.Writer) error {
	if t.layout.Pattern.HasObjects() {
		return t.readObjects(ctx, out)
	}
	found, err := t.settled(ctx, func() (protocol.ScanResult, error) {
		hash := sha256.New()
		found, err := t.scan(hash)
		if err == nil && found.Present && len(found.Unreadable) == 0 {
			found.SHA256 = hex.EncodeToString(hash.Sum(nil))
		}
		return found, err
	})
	if err != nil {
		return err
	}
	return t.reportScan(out, found)
}

// settled makes a scan, and repeats it while the mount may show an older state of the volume than was acknowledged.
func (t *task) settled(
	ctx context.Context, scan func() (protocol.ScanResult, error),
) (protocol.ScanResult, error) {
	found, again, err := reread.Reading[protocol.ScanResult]{
		Path: t.file, Read: scan, Present: func(found protocol.ScanResult) bool { return found.Present },
		MountOf: t.mountOf, Announce: t.announce,
		Expected: func(found protocol.ScanResult) judge.Input {
			return reread.ExpectPoints(t.layout, t.points, found.ScanReport)
		},
	}.Do(ctx)
	var op protocol.OpError
	switch {
	case err == nil:
		found.Reread = again
	case again != nil && errors.As(err, &op):
		op.Cause += "; " + again.Attempt()
		err = op
	}
	return found, err
}

// scan scans the journal and copies its bytes to content. The result has no mount, boot
// ID and excerpt yet: reportScan adds them.
func (t *task) scan(content io.Writer) (protocol.ScanResult, error) {
	op := "opening " + t.file + " for reading"
	var file *volume.Reader
	err := t.watch(op, func() (err error) {
		file, err = volume.OpenReader(t.file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return t.noJournal(), nil
	}
	if err != nil {
		return protocol.ScanResult{}, protocol.NewOpError(op, err)
	}
	file.SetMinimumLength(t.minLength)
	tee := volume.NewTee(watchedReader{file, t.stallWatch, t.file}, content)
	report, err := journal.Scan(tee, t.format, t.points)
	err = errors.Join(err, tee.Close(), file.Close())
	if errors.Is(err, fs.ErrNotExist) { // the server of some FUSE filesystems is not asked before the first read
		return t.noJournal(), nil
	}
	if err != nil {
		return protocol.ScanResult{}, protocol.NewOpError("reading "+t.file, err)
	}
	if file.IsBlockDevice() && report.Bytes == 0 {
		return t.noJournal(), nil // the device is blank
	}
	report.Unreadable = file.Unreadable()
	return protocol.ScanResult{ScanReport: report, ReadMode: file.ReadMode()}, nil
}

// noJournal returns the result of a scan that found no journal.
func (t *task) noJournal() protocol.ScanResult {
	return protocol.ScanResult{ScanReport: journal.ScanReport{Format: t.format}}
}

// reportScan completes the result of a scan and reports it.
func (t *task) reportScan(out io.Writer, found protocol.ScanResult) error {
	op := "looking up the mount of " + t.file
	err := t.watch(op, func() (err error) {
		found.Mount, err = t.mount(found.Present)
		return err
	})
	if err != nil {
		return protocol.NewOpError(op, err)
	}
	found.BootID, found.Kernel = volume.BootID(), volume.Kernel()
	found.Excerpt = t.excerpt(found.ScanReport)
	if err := protocol.Write(out, t.known.Message(found)); err != nil {
		return fmt.Errorf("reporting the scan of %s: %w", t.file, err)
	}
	return nil
}

// mount returns the mount that holds the journal. If the journal was lost together with
// its own folder, mount returns the mount that held the folder.
func (t *task) mount(present bool) (protocol.Mount, error) {
	mount, err := volume.MountOf(t.file)
	if errors.Is(err, fs.ErrNotExist) && !present && volume.IsInOwnFolder(t.file) {
		return volume.MountOf(filepath.Dir(t.file))
	}
	return mount, err
}

// excerpt returns the bytes around the first damage; nil if there is none. The excerpt has
// no bytes if the journal cannot be read a second time.
func (t *task) excerpt(found journal.ScanReport) *protocol.Excerpt {
	at, damaged := found.FirstDamage()
	if !damaged {
		return nil
	}
	excerpt := &protocol.Excerpt{Offset: at, Damage: at}
	if record, err := t.readRange(at, int64(found.RecordSize), found.Bytes); err == nil {
		excerpt.Damage += int64(found.MatchingPrefix(at, record))
	}
	excerpt.Offset = max(0, excerpt.Damage-excerptSize/2)
	if around, err := t.readRange(excerpt.Offset, excerptSize, found.Bytes); err == nil {
		excerpt.Bytes = around
	}
	return excerpt
}

// readRange reads up to n bytes of the journal at an offset, and nothing beyond end.
func (t *task) readRange(offset, n, end int64) (b []byte, err error) {
	err = t.watch("reading "+t.file, func() error {
		b, err = volume.ReadRange(t.file, offset, min(n, end-offset))
		return err
	})
	return b, err
}
