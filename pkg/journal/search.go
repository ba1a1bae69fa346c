package journal

import (
	"bytes"
	"errors"
)

// searchWindow is the number of bytes that findRecord searches at once: a few of the largest records.
const searchWindow = 4 * MaxRecordSize

// findRecord returns where in the view the next intact record starts. If it finds none, it
// returns how many bytes to skip before the next search, which starts at 0. At the
// end of the file, skip is the length of the view. Otherwise, skip ends before the first
// position at which a record may start.
func (s *scanner) findRecord(view []byte, from int) (skip int, found bool) {
	isLast := len(view) < searchWindow
	c := candidates{view: view, marker: s.marker, marked: -1}
	for at := c.next(from); at >= 0; at = c.next(at + 1) {
		if !isLast && len(view)-at < MaxRecordSize {
			return at, false
		}
		if s.isRecord(view[at:]) {
			return at, true
		}
	}
	if isLast {
		return len(view), false
	}
	// A record may start in the last bytes of the view, with its marker after them.
	return len(view) - payloadAt, false
}

// isRecord reports whether b starts with an intact record of this or another journal.
func (s *scanner) isRecord(b []byte) bool {
	if len(b) >= s.report.RecordSize {
		if _, err := s.report.parse(b[:s.report.RecordSize]); err == nil {
			return true
		}
	}
	if len(b) < payloadAt || !mayBeRecord(b) {
		return false
	}
	n := bytes.IndexByte(b[:min(len(b), MaxRecordSize)], '\n') + 1
	_, err := (Format{RecordSize: n}).parse(b[:n])
	return n > 0 && errors.Is(err, errForeign)
}

// candidates are the positions in a view at which a record could start: after a newline, or
// before the journal's marker, in case the newline before the record is damaged.
type candidates struct {
	view   []byte
	marker []byte
	marked int // start of the record with the next marker; -1 before the first search
}

// next returns the first candidate at or after a position, or -1.
func (c *candidates) next(from int) int {
	if from == 0 {
		return 0
	}
	if c.marked < from {
		c.marked = c.nextMarked(from)
	}
	line := bytes.IndexByte(c.view[from-1:], '\n')
	if line < 0 || from+line >= len(c.view) {
		line = len(c.view)
	} else {
		line += from
	}
	if at := min(line, c.marked); at < len(c.view) {
		return at
	}
	return -1
}

// nextMarked returns the start of the first record with a marker at or after a position, or the length of the view.
func (c *candidates) nextMarked(from int) int {
	if first := from + len(timeLayout); first < len(c.view) {
		if i := bytes.Index(c.view[first:], c.marker); i >= 0 {
			return from + i
		}
	}
	return len(c.view)
}
