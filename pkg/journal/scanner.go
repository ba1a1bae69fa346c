package journal

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
)

// Scan reads a whole journal once, in constant memory, checks each record, and reports what
// it found. The report has the checksum of the records at the given points. Damage is never an
// error: Scan returns only errors of the reader, together with the report up to there.
func Scan(r io.Reader, format Format, points []Point) (ScanReport, error) {
	if err := format.Validate(); err != nil {
		return ScanReport{}, err
	}
	s := newScanner(r, format, points)
	err := s.run()
	s.report.Bytes = s.in.offset
	return s.report, err
}

type scanner struct {
	in     window
	report ScanReport
	// epochs are the epochs that have a segment.
	epochs map[int]epochState
	// points are the requested points, sorted by epoch and sequence number.
	points []Point
	// found reports which of the points have been found.
	found []bool
	// marker is what every record of this journal has after its time.
	marker []byte
	// last is the last intact record, lastTime the encoded time of its line; nil before the first.
	last     Record
	lastTime []byte
	lastByte byte
	// next is the record that would extend the segment of the last one.
	next prediction
}

// epochState is the state of an epoch that has a segment.
type epochState struct {
	// segment is the index of its last segment.
	segment int32
	// closed reports whether that segment ends at a requested point.
	closed bool
}

// newScanner allocates at once what the scan of an intact journal needs: the journal of a long run has many epochs. An
// epoch may have a second segment, with records that were not acknowledged. Pages that are never written do not become
// resident.
func newScanner(r io.Reader, format Format, points []Point) *scanner {
	s := &scanner{
		in:     window{r: r},
		report: ScanReport{Format: format, Present: true},
		epochs: make(map[int]epochState, len(points)),
		points: points,
		found:  make([]bool, len(points)),
		marker: []byte(" " + format.ID + " e="),
	}
	if len(points) > 0 {
		s.report.Segments = make([]Segment, 0, 2*len(points)+1)
		s.report.Digests = make([]Digest, 0, len(points))
	}
	if !slices.IsSortedFunc(points, comparePoints) {
		s.points = slices.SortedFunc(slices.Values(points), comparePoints)
	}
	return s
}

func comparePoints(a, b Point) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
}

func (s *scanner) run() error {
	for {
		if more, err := s.step(); err != nil || !more {
			return err
		}
	}
}

// step accepts what is at the start of the window: predicted records, another record, or
// damage. It reports whether there may be more.
func (s *scanner) step() (more bool, err error) {
	line, err := s.in.peek(s.report.RecordSize)
	if err != nil {
		return false, err
	}
	if len(line) == 0 {
		s.finish()
		return false, nil
	}
	if n := s.next.consume(s.in.unread); n > 0 {
		s.acceptPredicted(n)
		return true, nil
	}
	if record, err := s.report.parse(line); err == nil {
		s.acceptRecord(record, line)
		return true, nil
	}
	id, n, err := s.foreignRecord()
	if err != nil {
		return false, err
	}
	if n > 0 {
		s.acceptForeign(id, n)
		return true, nil
	}
	return true, s.acceptDamage()
}

func (s *scanner) finish() {
	s.report.Unterminated = s.in.offset > 0 && s.lastByte != '\n'
	if s.lastTime == nil {
		return
	}
	if t, err := parseTime(s.lastTime); err == nil {
		s.report.LastTime = t
	}
}

// acceptPredicted adds n records that are as predicted.
func (s *scanner) acceptPredicted(n uint64) {
	size := s.report.RecordSize
	length := int(n) * size
	line := s.in.unread[length-size : length]
	r := parsePredicted(line)
	offset := s.in.offset + int64(length-size)
	segment := &s.report.Segments[s.epochs[r.Epoch].segment]
	segment.extend(r, offset, size)
	segment.Displaced += (n - 1) * displaced(r, offset) // they are adjacent: all or none of them
	s.report.Records += n
	s.keepLast(r, line)
	s.advance(length)
}

// acceptRecord adds the record at the start of the window.
func (s *scanner) acceptRecord(r Record, line []byte) {
	if s.report.Records == 0 {
		if t, err := parseTime(line); err == nil {
			s.report.FirstTime = t
		}
	}
	s.report.Records++
	listed := s.addToSegment(r)
	p := Point{r.Epoch, r.Seq}
	if i, requested := slices.BinarySearchFunc(s.points, p, comparePoints); requested && !s.found[i] {
		s.found[i] = true
		s.report.Digests = append(s.report.Digests, Digest{p, r.Checksum})
		state := s.epochs[r.Epoch]
		state.closed = true
		s.epochs[r.Epoch] = state
	}
	s.next = prediction{}
	if listed && !s.epochs[r.Epoch].closed {
		s.next = s.report.predict(r, s.recordsBeforePoint(r))
	}
	s.keepLast(r, line)
	s.advance(len(line))
}

// recordsBeforePoint returns the number of records between r and the next requested point of
// its epoch. None of them is a requested point.
func (s *scanner) recordsBeforePoint(r Record) uint64 {
	i, _ := slices.BinarySearchFunc(s.points, Point{r.Epoch, r.Seq + 1}, comparePoints)
	if i == len(s.points) || s.points[i].Epoch != r.Epoch {
		return math.MaxUint64
	}
	return s.points[i].Seq - r.Seq - 1
}

// keepLast keeps what is needed of the last intact record.
func (s *scanner) keepLast(r Record, line []byte) {
	s.last = r
	s.lastTime = append(s.lastTime[:0], line[:len(timeLayout)]...)
}

// addToSegment adds a record to the last segment of its epoch, or starts another one. It
// returns false if no more segments can be listed.
func (s *scanner) addToSegment(r Record) (listed bool) {
	offset, size := s.in.offset, s.report.RecordSize
	state, known := s.epochs[r.Epoch]
	if known {
		seg := &s.report.Segments[state.segment]
		if r.Seq == seg.Last+1 && r.PrevChecksum == seg.lastChecksum && !state.closed {
			seg.extend(r, offset, size)
			return true
		}
	}
	if known && len(s.report.Segments) >= s.listLimit() {
		s.report.Unlisted++
		return false
	}
	next := Segment{Epoch: r.Epoch, First: r.Seq, Offset: offset}
	if known {
		previous := s.report.Segments[state.segment]
		next.Unlinked = r.Seq == previous.Last+1 && r.PrevChecksum != previous.lastChecksum
	}
	next.Unlinked = next.Unlinked || r.Seq == 1 && r.PrevChecksum != 0
	next.extend(r, offset, size)
	s.epochs[r.Epoch] = epochState{segment: int32(len(s.report.Segments))}
	s.report.Segments = append(s.report.Segments, next)
	return true
}

// listLimit returns how many entries each list of the report may have.
func (s *scanner) listLimit() int { return maxListed + len(s.epochs) }

// extend adds the record at an offset to the end of the segment.
func (seg *Segment) extend(r Record, offset int64, size int) {
	seg.Last, seg.End, seg.lastChecksum = r.Seq, offset+int64(size), r.Checksum
	seg.Displaced += displaced(r, offset)
}

// displaced returns 1 if a record is at another offset than the one it names, and otherwise 0.
func displaced(r Record, offset int64) uint64 {
	if r.Offset == offset {
		return 0
	}
	return 1
}

// foreignRecord looks for an intact record of another journal, of any size, at the start of
// the window. It returns the journal's ID and the length of the record, or 0.
func (s *scanner) foreignRecord() (id string, n int, err error) {
	head, err := s.in.peek(payloadAt)
	if err != nil || len(head) < payloadAt || !mayBeRecord(head) {
		return "", 0, err
	}
	line, err := s.in.peek(MaxRecordSize)
	if err != nil {
		return "", 0, err
	}
	n = bytes.IndexByte(line, '\n') + 1
	if n == 0 {
		return "", 0, nil
	}
	if _, err := (Format{RecordSize: n}).parse(line[:n]); !errors.Is(err, errForeign) {
		return "", 0, nil
	}
	return string(line[idAt : idAt+idLen]), n, nil
}

// acceptForeign adds the foreign record of n bytes at the start of the window.
func (s *scanner) acceptForeign(id string, n int) {
	offset := s.in.offset
	s.advance(n)
	if i := len(s.report.Foreign) - 1; i >= 0 {
		if last := &s.report.Foreign[i]; last.ID == id && last.End == offset {
			last.Records++
			last.End = s.in.offset
			return
		}
	}
	if len(s.report.Foreign) >= s.listLimit() {
		s.report.Unlisted++
		return
	}
	s.report.Foreign = append(s.report.Foreign, Foreign{ID: id, Records: 1, Offset: offset, End: s.in.offset})
}

// acceptDamage adds the bytes from the start of the window, where no intact record starts, to
// the next intact record or the end of the file.
func (s *scanner) acceptDamage() error {
	d := damageCounter{Damage: Damage{Offset: s.in.offset}, expected: s.expected()}
	for from := 1; ; from = 0 {
		view, err := s.in.peek(searchWindow)
		if err != nil {
			return err
		}
		skip, found := s.findRecord(view, from)
		d.add(view[:skip])
		s.advance(skip)
		if found || s.in.isAtEnd() {
			break
		}
	}
	if len(s.report.Damage) >= s.listLimit() {
		s.report.Unlisted++
		return nil
	}
	s.report.Damage = append(s.report.Damage, d.damage())
	return nil
}

// expected returns the record that should follow the last intact one.
func (s *scanner) expected() *expectation {
	next := Record{Epoch: max(s.last.Epoch, 1), Seq: s.last.Seq + 1, PrevChecksum: s.last.Checksum, Offset: s.in.offset}
	encoder := newEncoder(s.report.Format)
	return &expectation{
		point: Point{next.Epoch, next.Seq},
		line:  encoder.append(nil, &next),
	}
}

func (s *scanner) advance(n int) {
	if n > 0 {
		s.lastByte = s.in.unread[n-1]
	}
	s.in.discard(n)
}
