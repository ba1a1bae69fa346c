package main

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
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// read says what is in the journal.
func (t *task) read(ctx context.Context, out io.Writer) error {
	sum := sha256.New()
	found, err := t.scan(sum)
	if err != nil {
		return err
	}
	if found.Present && len(found.Unreadable) == 0 {
		found.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	if err := t.sight(out, found); err != nil {
		return err
	}
	if t.stay {
		<-ctx.Done()
	}
	return nil
}

// scan looks at the journal, and shows its bytes to somebody else who has no say in
// it. Which mount it is on is still to be said.
func (t *task) scan(shown io.Writer) (protocol.ScanResult, error) {
	doing := "opening " + t.file + " to read it"
	var file *volume.Reader
	err := t.during(doing, func() (err error) {
		file, err = volume.OpenReader(t.file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return t.nothing(), nil
	}
	if err != nil {
		return protocol.ScanResult{}, protocol.NewOpError(doing, err)
	}
	file.SetMinimumLength(t.promised)
	found, err := journal.Scan(io.TeeReader(patientReader{file, t.patience, t.file}, shown), t.format, t.points)
	if err := errors.Join(err, file.Close()); err != nil {
		return protocol.ScanResult{}, protocol.NewOpError("reading "+t.file, err)
	}
	if file.IsBlockDevice() && found.Bytes == 0 {
		return t.nothing(), nil // it is blank
	}
	found.Unreadable = file.Unreadable()
	return protocol.ScanResult{Report: found, ReadMode: file.ReadMode()}, nil
}

// nothing is the sighting where there is no journal.
func (t *task) nothing() protocol.ScanResult {
	return protocol.ScanResult{Report: journal.Report{Format: t.format}}
}

// sight says what was found, and what on: which mount, under which kernel.
func (t *task) sight(out io.Writer, found protocol.ScanResult) error {
	doing := "looking up the mount of " + t.file
	err := t.during(doing, func() (err error) {
		found.Mount, err = t.mount(found.Present)
		return err
	})
	if err != nil {
		return protocol.NewOpError(doing, err)
	}
	found.BootID = volume.BootID()
	found.Sample = t.sample(found.Report)
	if err := protocol.Write(out, protocol.Message{ScanResult: &found}); err != nil {
		return fmt.Errorf("reporting what is in %s: %w", t.file, err)
	}
	return nil
}

// mount is what the journal is on, or would be: a folder of our own may be gone with it.
func (t *task) mount(present bool) (protocol.Mount, error) {
	mount, err := volume.MountOf(t.file)
	if errors.Is(err, fs.ErrNotExist) && !present && volume.IsInOwnFolder(t.file) {
		return volume.MountOf(filepath.Dir(t.file))
	}
	return mount, err
}

// sampleSize bounds a sample, in bytes.
const sampleSize = 256

// sample shows the first damage, if the journal has any. The report stands also
// where the journal cannot be read a second time: the sample is then without bytes.
func (t *task) sample(found journal.Report) *protocol.Sample {
	at, damaged := found.FirstDamage()
	if !damaged {
		return nil
	}
	sample := &protocol.Sample{Offset: at, Damage: at}
	if record, err := t.part(at, int64(found.Size), found.Bytes); err == nil {
		sample.Damage += int64(found.Deviation(at, record))
	}
	sample.Offset = max(0, sample.Damage-sampleSize/2)
	if around, err := t.part(sample.Offset, sampleSize, found.Bytes); err == nil {
		sample.Bytes = around
	}
	return sample
}

// part reads up to n bytes of the journal from an offset on, not beyond its end.
func (t *task) part(offset, n, end int64) (b []byte, err error) {
	err = t.during("reading "+t.file, func() error {
		b, err = volume.ReadRange(t.file, offset, min(n, end-offset))
		return err
	})
	return b, err
}
