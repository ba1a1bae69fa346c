package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/volume-durability/volume-durability/pkg/journal"
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

func (t *task) scan() (journal.Report, error) {
	doing := "opening " + t.file + " to read it"
	var file *os.File
	err := t.during(doing, func() (err error) {
		file, err = os.Open(t.file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return journal.Report{Format: t.format}, nil
	}
	if err != nil {
		return journal.Report{}, witness.NewProblem(doing, err)
	}
	found, err := journal.Scan(patientReader{file, t.patience, t.file}, t.format, t.points)
	if err := errors.Join(err, file.Close()); err != nil {
		return journal.Report{}, witness.NewProblem("reading "+t.file, err)
	}
	return found, nil
}
