package result

import (
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// Tested returns the cells under test: all but the control.
func (r Result) Tested() []Cell {
	var tested []Cell
	for _, c := range r.Cells {
		if !c.Spec.Control {
			tested = append(tested, c)
		}
	}
	return tested
}

// Control returns the negative control, nil if the run has none.
func (r Result) Control() *Cell {
	for i := range r.Cells {
		if r.Cells[i].Spec.Control {
			return &r.Cells[i]
		}
	}
	return nil
}

// DisplayName returns the name by which users see the cell. It is the same in every report and while the run executes.
func (c Cell) DisplayName() string { return c.Spec.DisplayName() }

// EpochRead is one read of a cell's journal, by a writer or by the reader.
type EpochRead struct {
	*JournalRead
	// Epoch is the number of the writer that read the journal before it wrote; 0 for the reader.
	Epoch int
}

// Reads returns every read of the journal in the order they were made: those of the writers, then the reader's.
func (c Cell) Reads() []EpochRead {
	var reads []EpochRead
	for _, e := range c.Epochs {
		if e.InitialRead != nil {
			reads = append(reads, EpochRead{e.InitialRead, e.Number})
		}
	}
	if c.Reader != nil {
		reads = append(reads, EpochRead{c.Reader, 0})
	}
	return reads
}

// WriterScans returns what the writers found in the journal. Scans of earlier writers may omit what that of the last
// one lists; its lists are complete.
func (c Cell) WriterScans() []journal.ScanReport {
	var scans []journal.ScanReport
	var last *JournalRead
	for _, read := range c.Reads() {
		if read.Epoch > 0 {
			last = read.JournalRead
			scans = append(scans, last.ScanResult.ScanReport)
		}
	}
	if last == nil || last.ListedByNext == nil || c.Reader == nil {
		return scans
	}
	next, omitted, complete := c.Reader.ScanResult, *last.ListedByNext, &scans[len(scans)-1]
	if omitted.Segments <= len(next.Segments) && omitted.Digests <= len(next.Digests) {
		complete.Segments = slices.Concat(next.Segments[:omitted.Segments], complete.Segments)
		complete.Digests = slices.Concat(next.Digests[:omitted.Digests], complete.Digests)
	}
	return scans
}
