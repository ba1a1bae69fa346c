package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// checkPath returns an error if the journal is a folder although the write pattern needs a file, or the reverse.
func (v *verifyCommand) checkPath(layout pattern.Layout) error {
	var info fs.FileInfo
	err := v.watch("looking up", func() (err error) {
		info, err = os.Stat(v.journal)
		return err
	})
	if err != nil {
		return nil // the scan reports it
	}
	switch {
	case info.IsDir() && layout.Pattern == "" && v.bundle == "" && v.ledger == "":
		return fmt.Errorf("--journal %s is a folder, but --acks has no write pattern: want --bundle, --ledger with the "+
			"ledger.json of a bundle, or --acks with the acknowledgements of a writer with a pattern of files", v.journal)
	case info.IsDir() && !layout.Pattern.IsFolder():
		return fmt.Errorf("--journal %s is a folder: the write pattern %s needs a file or a block device",
			v.journal, layout.Pattern)
	case !info.IsDir() && layout.Pattern.IsFolder():
		return fmt.Errorf("--journal %s is not a folder: the objects of the write pattern %s are the files of a folder",
			v.journal, layout.Pattern)
	}
	return nil
}

// scanObjects scans the objects of a write pattern.
func (v *verifyCommand) scanObjects(expected expectation) (found scanned, err error) {
	model, err := pattern.NewModel(expected.Format, expected.Layout)
	if err != nil {
		return found, fmt.Errorf("the layout of the objects is invalid: %w", err)
	}
	err = v.watch("reading", func() (err error) {
		found.report, found.readMode, err = readObjects(v.journal, expected.Format, model, expected.points())
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && v.isFolderPresent() {
		return v.missing(expected), nil
	}
	if err != nil {
		return found, fmt.Errorf("reading %s: %w", v.journal, err)
	}
	return found, v.checkHasObjects(found.report)
}

// checkHasObjects returns an error for a file that contains other data and no part of any record. Such a file was most
// likely named by mistake.
func (v *verifyCommand) checkHasObjects(report journal.ScanReport) error {
	damage := report.Objects.Damage
	isOther := func(d journal.ObjectDamage) bool { return d.Partial == nil && d.Unreadable == "" && d.Zeros < d.Bytes }
	isKnown := func(d journal.ObjectDamage) bool { return d.Partial != nil || d.Unreadable != "" }
	if report.Records > 0 || len(report.Objects.Foreign) > 0 || slices.ContainsFunc(damage, isKnown) ||
		!slices.ContainsFunc(damage, isOther) {
		return nil
	}
	return fmt.Errorf("--journal %s: is this the right path? It has %s, but no record of any journal. If it is the right "+
		"one, all acknowledged records were replaced by other data", v.journal, judge.Count(report.Bytes, "byte"))
}

// hasNoObject reports whether a folder exists, but no file in it has the name of an object.
func (v *verifyCommand) hasNoObject(o verification) bool {
	if !o.Layout.Pattern.IsFolder() || o.missing || !o.scanned || len(o.Acks) == 0 {
		return false
	}
	return o.Scan.Bytes == 0 && o.Scan.Objects != nil && len(o.Scan.Objects.Damage) == 0
}

// firstFile returns the journal or, if it is a folder, the first file in it that may be an object.
func (v *verifyCommand) firstFile() (string, error) {
	entries, err := os.ReadDir(v.journal)
	if err != nil {
		return v.journal, nil // a file, or a path that os.Open cannot open either
	}
	i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return pattern.IsObjectName(e.Name()) })
	if i < 0 {
		return "", fs.ErrNotExist
	}
	return filepath.Join(v.journal, entries[i].Name()), nil
}

// points returns the records whose checksums the scan must report.
func (e expectation) points() []journal.Point {
	points := make([]journal.Point, 0, len(e.Acks))
	for _, ack := range e.Acks {
		points = append(points, ack.Point)
	}
	return points
}

// describeLayout describes the objects of a write pattern.
func describeLayout(l pattern.Layout) string {
	noun := l.Pattern.Noun()
	if l.Objects == 0 {
		return fmt.Sprintf("%ss of the write pattern %s", noun, l.Pattern)
	}
	return fmt.Sprintf("%s of the write pattern %s", judge.Count(l.Objects, noun), l.Pattern)
}
