package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/pkg/witness"
)

// read says what is in the journal.
func (t *task) read(ctx context.Context, out io.Writer) error {
	found, err := t.scan()
	if err != nil {
		return err
	}
	if err := t.sight(out, found); err != nil {
		return err
	}
	if t.stay {
		<-ctx.Done()
	}
	return nil
}

// scan looks at the journal. Which mount it is on is still to be said.
func (t *task) scan() (witness.Sighting, error) {
	doing := "opening " + t.file + " to read it"
	var file *volume.Reader
	err := t.during(doing, func() (err error) {
		file, err = volume.OpenToRead(t.file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return t.nothing(), nil
	}
	if err != nil {
		return witness.Sighting{}, witness.NewProblem(doing, err)
	}
	found, err := journal.Scan(patientReader{file, t.patience, t.file}, t.format, t.points)
	if err := errors.Join(err, file.Close()); err != nil {
		return witness.Sighting{}, witness.NewProblem("reading "+t.file, err)
	}
	found.Unreadable = file.Unreadable()
	return witness.Sighting{Report: found, Access: file.Access()}, nil
}

// nothing is the sighting where there is no journal.
func (t *task) nothing() witness.Sighting {
	return witness.Sighting{Report: journal.Report{Format: t.format}}
}

// sight says what was found, and which mount it is on.
func (t *task) sight(out io.Writer, found witness.Sighting) error {
	doing := "looking up the mount of " + t.file
	err := t.during(doing, func() (err error) {
		found.Mount, err = volume.MountOf(t.file)
		return err
	})
	if err != nil {
		return witness.NewProblem(doing, err)
	}
	if err := witness.Write(out, witness.Statement{Sighting: &found}); err != nil {
		return fmt.Errorf("reporting what is in %s: %w", t.file, err)
	}
	return nil
}
