package journal

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
)

// Scan reads a journal once, from its beginning to its end, in constant memory,
// and reports what it found. The report names the sums found at the given
// points. Damage is never an error: the error is the reader's.
func Scan(r io.Reader, format Format, points []Point) (Report, error) {
	if err := format.Validate(); err != nil {
		return Report{}, err
	}
	s := newScanner(r, format, points)
	err := s.run()
	s.report.Bytes = s.in.offset
	return s.report, err
}

type scanner struct {
	in     window
	report Report
	// open maps an epoch to the index of its last segment.
	open map[int]int
	// asked holds the points' sequence numbers by epoch, in order.
	asked map[int][]uint64
	// pending holds the points whose sums have not been found yet.
	pending map[Point]bool
	// cut holds the epochs whose segment ends at a point asked for.
	cut map[int]bool
	// marker is what every record of this journal holds after its time.
	marker []byte
	// last is the last intact record, lastLine its beginning; nil before the first.
	last     Record
	lastLine []byte
	lastByte byte
	// next is the record that would extend the last one's segment.
	next prediction
}

func newScanner(r io.Reader, format Format, points []Point) *scanner {
	s := &scanner{
		in:      window{r: r},
		report:  Report{Format: format, Present: true},
		open:    map[int]int{},
		asked:   map[int][]uint64{},
		cut:     map[int]bool{},
		pending: make(map[Point]bool, len(points)),
		marker:  []byte(" " + format.ID + " e="),
	}
	for _, p := range points {
		s.pending[p] = true
		s.asked[p.Epoch] = append(s.asked[p.Epoch], p.Seq)
	}
	for _, seqs := range s.asked {
		slices.Sort(seqs)
	}
	return s
}

func (s *scanner) run() error {
	for {
		if more, err := s.step(); err != nil || !more {
			return err
		}
	}
}

// step moves past what is at the window's start: records that were predicted,
// one other record, or damage. There is no more at the end of the file.
func (s *scanner) step() (more bool, err error) {
	line, err := s.in.peek(s.report.Size)
	if err != nil {
		return false, err
	}
	if len(line) == 0 {
		s.finish()
		return false, nil
	}
	if n := s.next.follow(s.in.buf); n > 0 {
		s.predicted(n)
		return true, nil
	}
	if record, err := s.report.parse(line); err == nil {
		s.intact(record, line)
		return true, nil
	}
	foreign, n, err := s.foreignLine()
	if err != nil {
		return false, err
	}
	if n > 0 {
		s.foreign(foreign, n)
		return true, nil
	}
	return true, s.damage()
}

func (s *scanner) finish() {
	s.report.Unterminated = s.in.offset > 0 && s.lastByte != '\n'
	if s.lastLine == nil {
		return
	}
	if at, err := parseTime(s.lastLine); err == nil {
		s.report.LastTime = at
	}
}

// predicted takes note of n records at the window's start that were found as
// predicted, and moves past them.
func (s *scanner) predicted(n uint64) {
	size := s.report.Size
	length := int(n) * size
	line := s.in.buf[length-size : length]
	r := parsePredicted(line)
	at := s.in.offset + int64(length-size)
	segment := &s.report.Segments[s.open[r.Epoch]]
	segment.extend(r, at, size)
	segment.Displaced += (n - 1) * displaced(r, at) // they lie side by side: all or none of them
	s.report.Records += n
	s.remember(r, line)
	s.advance(length)
}

// intact takes note of a record at the window's start and moves past it.
func (s *scanner) intact(r Record, line []byte) {
	if s.report.Records == 0 {
		if at, err := parseTime(line); err == nil {
			s.report.FirstTime = at
		}
	}
	s.report.Records++
	listed := s.extend(r)
	if p := (Point{r.Epoch, r.Seq}); s.pending[p] {
		delete(s.pending, p)
		s.report.Digests = append(s.report.Digests, Digest{p, r.Sum})
		s.cut[r.Epoch] = true
	}
	s.next = prediction{}
	if listed && !s.cut[r.Epoch] {
		s.next = s.report.predict(r, s.beforeNextPoint(r))
	}
	s.remember(r, line)
	s.advance(len(line))
}

// beforeNextPoint is how many records lie between one and the epoch's next
// point: so many can be taken without asking whether they are a point.
func (s *scanner) beforeNextPoint(r Record) uint64 {
	asked := s.asked[r.Epoch]
	i, _ := slices.BinarySearch(asked, r.Seq+1)
	if i == len(asked) {
		return math.MaxUint64
	}
	return asked[i] - r.Seq - 1
}

// remember keeps what is needed of the last intact record.
func (s *scanner) remember(r Record, line []byte) {
	s.last = r
	s.lastLine = append(s.lastLine[:0], line[:len(timeLayout)]...)
}

// extend adds a record to its epoch's last segment, or starts another. It
// returns false where no more segments can be listed.
func (s *scanner) extend(r Record) (listed bool) {
	at, size := s.in.offset, s.report.Size
	i, known := s.open[r.Epoch]
	if known {
		seg := &s.report.Segments[i]
		if r.Seq == seg.Last+1 && r.Prev == seg.lastSum && !s.cut[r.Epoch] {
			seg.extend(r, at, size)
			return true
		}
	}
	if known && len(s.report.Segments) >= s.room() {
		s.report.Unlisted++
		return false
	}
	next := Segment{Epoch: r.Epoch, First: r.Seq, Offset: at}
	next.Unlinked = known && r.Seq == s.report.Segments[i].Last+1 && r.Prev != s.report.Segments[i].lastSum || r.Seq == 1 && r.Prev != 0
	next.extend(r, at, size)
	delete(s.cut, r.Epoch)
	s.open[r.Epoch] = len(s.report.Segments)
	s.report.Segments = append(s.report.Segments, next)
	return true
}

// room is how many entries a list has.
func (s *scanner) room() int { return maxListed + len(s.open) }

// extend makes the record at an offset the segment's last one.
func (seg *Segment) extend(r Record, at int64, size int) {
	seg.Last, seg.End, seg.lastSum = r.Seq, at+int64(size), r.Sum
	seg.Displaced += displaced(r, at)
}

func displaced(r Record, at int64) uint64 {
	if r.Offset == at {
		return 0
	}
	return 1
}

// foreignLine looks for an intact record of another journal at the window's
// start, whatever its size. It returns the length of its line, or 0.
func (s *scanner) foreignLine() (id string, n int, err error) {
	head, err := s.in.peek(payloadAt)
	if err != nil || len(head) < payloadAt || !looksLikeRecord(head) {
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
	if _, err := (Format{Size: n}).parse(line[:n]); !errors.Is(err, errForeign) {
		return "", 0, nil
	}
	return string(line[idAt : idAt+idLen]), n, nil
}

func (s *scanner) foreign(id string, n int) {
	at := s.in.offset
	s.advance(n)
	if last := len(s.report.Foreign) - 1; last >= 0 && s.report.Foreign[last].ID == id && s.report.Foreign[last].End == at {
		s.report.Foreign[last].Records++
		s.report.Foreign[last].End = s.in.offset
		return
	}
	if len(s.report.Foreign) >= s.room() {
		s.report.Unlisted++
		return
	}
	s.report.Foreign = append(s.report.Foreign, Foreign{ID: id, Records: 1, Offset: at, End: s.in.offset})
}

// damage moves the window from a place where no intact record starts to the
// next one where one does, or to the end, and takes note of what lies between.
func (s *scanner) damage() error {
	d := damageMeter{Damage: Damage{Offset: s.in.offset}, expected: s.expected()}
	for from := 1; ; from = 0 {
		view, err := s.in.peek(searchWindow)
		if err != nil {
			return err
		}
		skip, found := s.nextStart(view, from)
		d.add(view[:skip])
		s.advance(skip)
		if found || s.in.done() {
			break
		}
	}
	if len(s.report.Damage) >= s.room() {
		s.report.Unlisted++
		return nil
	}
	s.report.Damage = append(s.report.Damage, d.result())
	return nil
}

// searchWindow is how many bytes nextStart looks at: a few of the largest records.
const searchWindow = 4 * MaxRecordSize

// nextStart returns where in the view the next intact record starts, or else
// how far to move before looking again from 0: everything, at the end of the
// file; short of it, up to the first candidate whose line may not be whole.
func (s *scanner) nextStart(view []byte, from int) (skip int, found bool) {
	whole := len(view) < searchWindow
	c := candidates{view: view, marker: s.marker, markerAt: -1}
	for at := c.next(from); at >= 0; at = c.next(at + 1) {
		if !whole && len(view)-at < MaxRecordSize {
			return at, false
		}
		if s.recordAt(view[at:]) {
			return at, true
		}
	}
	if whole {
		return len(view), false
	}
	// A record may begin in the last bytes, with its marker beyond them.
	return len(view) - payloadAt, false
}

// candidates are the places in a view at which a record could start: after a
// line end, or where the journal's marker says that one did, should the line
// end before it be damaged.
type candidates struct {
	view     []byte
	marker   []byte
	markerAt int // where a record with the next marker would start; -1: not looked for yet
}

func (c *candidates) next(from int) int {
	if from == 0 {
		return 0
	}
	if c.markerAt < from {
		c.markerAt = c.markedStart(from)
	}
	line := bytes.IndexByte(c.view[from-1:], '\n')
	if line < 0 || from+line >= len(c.view) {
		line = len(c.view)
	} else {
		line += from
	}
	if at := min(line, c.markerAt); at < len(c.view) {
		return at
	}
	return -1
}

func (c *candidates) markedStart(from int) int {
	if first := from + len(timeLayout); first < len(c.view) {
		if i := bytes.Index(c.view[first:], c.marker); i >= 0 {
			return from + i
		}
	}
	return len(c.view)
}

func (s *scanner) recordAt(b []byte) bool {
	if len(b) >= s.report.Size {
		if _, err := s.report.parse(b[:s.report.Size]); err == nil {
			return true
		}
	}
	if len(b) < payloadAt || !looksLikeRecord(b) {
		return false
	}
	n := bytes.IndexByte(b[:min(len(b), MaxRecordSize)], '\n') + 1
	_, err := (Format{Size: n}).parse(b[:n])
	return n > 0 && errors.Is(err, errForeign)
}

// expected is the line that should follow the last intact record, if one is known.
func (s *scanner) expected() *expectation {
	next := Record{Epoch: max(s.last.Epoch, 1), Seq: s.last.Seq + 1, Prev: s.last.Sum, Offset: s.in.offset}
	compose := newComposer(s.report.Format)
	return &expectation{
		point: Point{next.Epoch, next.Seq},
		line:  compose.append(nil, &next),
	}
}

func (s *scanner) advance(n int) {
	if n > 0 {
		s.lastByte = s.in.buf[n-1]
	}
	s.in.discard(n)
}

// expectation is a line as it should be, all but its time and its sum.
type expectation struct {
	point Point
	line  []byte
}

// matches says whether byte i of a line is as expected.
func (e *expectation) matches(i int, b byte) bool {
	if i >= len(e.line)-sumTail && i < len(e.line)-1 {
		return isDigit(b) || b >= 'a' && b <= 'f'
	}
	if i < len(timeLayout) && isDigit(timeLayout[i]) {
		return isDigit(b)
	}
	return b == e.line[i]
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// damageMeter measures a damaged range as its bytes stream by.
type damageMeter struct {
	Damage
	expected *expectation
	matched  int  // bytes at the beginning that are as expected
	ended    bool // that beginning is over
	whole    bool // it was a whole line: its time or its sum must be wrong
	impure   bool // something else than zeros and line ends came after it
	seen     bool // something else than line ends was there at all
}

func (d *damageMeter) add(b []byte) {
	d.Length += int64(len(b))
	d.Zeros += int64(bytes.Count(b, []byte{0}))
	for _, c := range b {
		if d.impure {
			return
		}
		d.addByte(c)
	}
}

func (d *damageMeter) addByte(c byte) {
	newline := len(d.expected.line) - 1
	if !d.ended && d.matched < newline && d.expected.matches(d.matched, c) {
		d.matched++
		d.seen = true
		return
	}
	if !d.ended && d.matched == newline && c == '\n' {
		d.whole = true
	}
	d.ended = true
	d.seen = d.seen || c != '\n'
	d.impure = c != '\n' && c != 0
}

func (d *damageMeter) result() Damage {
	if d.matched > 0 && !d.impure && !d.whole {
		d.Partial = &d.expected.point
	}
	d.Blank = !d.seen
	return d.Damage
}

// window is a sliding view of a stream.
type window struct {
	r      io.Reader
	buf    []byte // what has been read and not discarded
	store  []byte // what buf is a part of
	offset int64  // of buf in the stream
	filled bool   // the last read filled the store: a larger one would get more
	eof    bool
}

// A window starts small, for short files. While reads fill it, it grows to what
// still fits into a processor's cache beside its next contents: reads beyond
// that were measured to be no faster. The search for the next record may need more.
const (
	minWindow  = 8 << 10
	readWindow = 256 << 10
	maxWindow  = 1<<20 + searchWindow
)

// peek returns the next n bytes, or all that are left where there are fewer.
func (w *window) peek(n int) ([]byte, error) {
	for len(w.buf) < n && !w.eof {
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	return w.buf[:min(n, len(w.buf))], nil
}

func (w *window) fill() error {
	store := w.store
	crowded := 2*len(w.buf) >= len(store) && len(store) < maxWindow
	if crowded || w.filled && len(store) < readWindow {
		store = make([]byte, min(max(2*len(store), minWindow), maxWindow))
	}
	kept := copy(store, w.buf)
	w.store = store
	n, err := w.r.Read(w.store[kept:])
	w.buf = w.store[:kept+n]
	w.filled = len(w.buf) == len(w.store)
	if errors.Is(err, io.EOF) {
		w.eof = true
		return nil
	}
	return err
}

func (w *window) discard(n int) {
	w.buf = w.buf[n:]
	w.offset += int64(n)
}

// done says whether the stream has ended and all of it has been discarded.
func (w *window) done() bool { return w.eof && len(w.buf) == 0 }
