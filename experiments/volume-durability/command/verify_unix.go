//go:build linux || darwin

package command

import (
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/objects"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// openJournal opens a journal as the reader of a run does, past the page cache where possible.
func openJournal(path string) (journalFile, error) {
	file, err := volume.OpenReader(path)
	if err != nil {
		return nil, err // not a journalFile that contains nil
	}
	return file, nil
}

// readObjects scans the objects of a write pattern as the reader of a run does.
func readObjects(
	path string, format journal.Format, model pattern.Model, points []journal.Point,
) (journal.ScanReport, protocol.ReadMode, error) {
	return objects.Scan(path, format, model, points)
}

// mountOf returns the mount that holds a path.
func mountOf(path string) (protocol.Mount, error) { return volume.MountOf(path) }
