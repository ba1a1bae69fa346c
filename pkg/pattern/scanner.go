package pattern

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// maxListed limits each list of a report, and so its length. ObjectReport.Unlisted counts the entries beyond the limit.
const maxListed = 4096

// Scanner checks the content of objects, in any order, and reports what it found. It needs 8 bytes of memory for each
// object with an intact record, and 8 more while Report runs. It is not safe for concurrent use.
type Scanner struct {
	model   Model
	report  journal.ScanReport
	objects journal.ObjectReport
	pending map[journal.Point]bool
	// current are the records that are intact and in their own object.
	current []packedPoint
	// first and last are the earliest and the latest time of a record, as encoded.
	first, last []byte
}

// NewScanner returns a scanner for the objects of a journal. The report will have the checksums of the records at the
// points, if an object has them.
func NewScanner(format journal.Format, model Model, points []journal.Point) *Scanner {
	s := &Scanner{model: model, report: journal.ScanReport{Format: format}, pending: map[journal.Point]bool{}}
	s.current = make([]packedPoint, 0, model.Objects)
	for _, p := range points {
		s.pending[p] = true
	}
	return s
}

// Add checks the whole content of one object. A slot that has only zeros counts as never written and is not listed. If
// it must have a record, the judge reports it as missing.
func (s *Scanner) Add(object journal.Object, content []byte) {
	s.report.Present = true
	s.report.Bytes += int64(len(content))
	if isZero(content) && s.model.IsSlot(object) {
		return
	}
	digest, foreign, err := s.report.ParseRecord(content)
	switch {
	case err != nil:
		list(s, &s.objects.Damage, s.report.InspectDamage(object, content))
	case foreign != "":
		list(s, &s.objects.Foreign, journal.ForeignRecord{Object: object, ID: foreign})
	default:
		s.addRecord(object, digest, content)
	}
}

// AddUnreadable adds an object of which some bytes could not be read.
func (s *Scanner) AddUnreadable(object journal.Object, length int64, err error) {
	s.report.Present = true
	s.report.Bytes += length
	list(s, &s.objects.Damage, journal.ObjectDamage{Object: object, Bytes: length, Unreadable: err.Error()})
}

// SetPresent records that the file or the device of the slots, or the folder of the files, exists. Without it, an empty
// scan means that the journal is missing.
func (s *Scanner) SetPresent() { s.report.Present = true }

func (s *Scanner) addRecord(object journal.Object, digest journal.Digest, content []byte) {
	s.report.Records++
	point := digest.Point
	if s.model.Written(point) != object {
		list(s, &s.objects.Misdirected, journal.MisdirectedRecord{Object: object, Record: point})
		return
	}
	s.current = append(s.current, pack(point))
	s.addTime(journal.EncodedTime(content))
	if len(s.pending) > 0 && s.pending[point] {
		delete(s.pending, point)
		s.report.Digests = append(s.report.Digests, digest)
	}
}

// addTime adds the encoded time of a record. Encoded times sort like times.
func (s *Scanner) addTime(t []byte) {
	switch {
	case s.first == nil:
		s.first, s.last = bytes.Clone(t), bytes.Clone(t)
	case bytes.Compare(t, s.last) > 0:
		copy(s.last, t)
	case bytes.Compare(t, s.first) < 0:
		copy(s.first, t)
	}
}

// Report returns what was found in the objects that were added.
func (s *Scanner) Report() journal.ScanReport {
	report, objects := s.report, s.objects
	current, unlisted := s.model.rangesOf(s.current)
	objects.Current = current
	objects.Unlisted += unlisted
	report.FirstTime, report.LastTime = parseTime(s.first), parseTime(s.last)
	report.Objects = &objects
	slices.SortFunc(objects.Damage, func(a, b journal.ObjectDamage) int { return compareObjects(a.Object, b.Object) })
	slices.SortFunc(objects.Misdirected, func(a, b journal.MisdirectedRecord) int {
		return compareObjects(a.Object, b.Object)
	})
	slices.SortFunc(objects.Foreign, func(a, b journal.ForeignRecord) int { return compareObjects(a.Object, b.Object) })
	return report
}

// list adds an entry to a list of the report, unless the list is full.
func list[T any](s *Scanner, entries *[]T, entry T) {
	if len(*entries) >= maxListed {
		s.objects.Unlisted++
		return
	}
	*entries = append(*entries, entry)
}

func compareObjects(a, b journal.Object) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Number, b.Number))
}

func parseTime(encoded []byte) time.Time {
	t, err := journal.ParseTime(encoded)
	if err != nil {
		return time.Time{}
	}
	return t
}

func isZero(b []byte) bool {
	if len(b) > 0 && b[0] != 0 { // nearly always, so the rest is not compared
		return false
	}
	for len(b) >= 64 {
		if [64]byte(b) != [64]byte{} {
			return false
		}
		b = b[64:]
	}
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}
