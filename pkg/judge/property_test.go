package judge

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

var (
	cases = flag.Int("cases", 20_000, "how many random histories to judge")
	seed  = flag.Uint64("seed", 0, "replay the history of this seed alone")
)

// The property: a look at a journal finds nothing if and only if every record that
// had been acknowledged by then is present, in order, once and intact, and nothing
// is present that was never sent. A run passes if and only if none of its looks
// finds anything: a writer that comes back and writes on hides nothing.
func TestPassIfAndOnlyIfEveryPromiseWasKept(t *testing.T) {
	if *seed != 0 {
		judgeHistory(t, *seed)
		return
	}
	first, workers := uint64(time.Now().UnixNano()), runtime.GOMAXPROCS(0)
	var passed atomic.Int64
	t.Run("histories", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for i := worker; i < *cases; i += workers {
					if judgeHistory(t, first+uint64(i)) {
						passed.Add(1)
					}
				}
			})
		}
	})
	t.Logf("%d histories, %d of them a Pass, from seed %d on", *cases, passed.Load(), first)
	require.NotZero(t, passed.Load())
	require.NotEqual(t, int64(*cases), passed.Load())
}

// judgeHistory makes up a history, and compares the judge's word with what is known of it.
func judgeHistory(t *testing.T, seed uint64) (pass bool) {
	t.Helper()
	h := newHistory(t, seed)
	for range 1 + h.random.IntN(4) {
		if h.epochs > 0 {
			h.befall()
			h.look()
		}
		h.epoch()
		h.crash()
	}
	h.befall()
	h.look()
	if findings := Merge(h.found...); h.kept != (len(findings) == 0) {
		h.disagree(findings)
	}
	return h.kept
}

// history is a volume, what was written to it, and what was done to it.
type history struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	format journal.Format
	file   []byte
	ledger ledger.Ledger
	// late are acknowledgements that arrive only with the next epoch's.
	late   []ledger.Ack
	epochs int
	// overlap says that writers may be alive at once; before is the one that still is.
	overlap bool
	before  *writer
	// tail is how many bytes were in flight at the end of the last epoch.
	tail int
	// sent are the records written, by epoch, whatever became of them.
	sent map[int][][]byte
	// snapshots are what the file was at some time.
	snapshots [][]byte
	// damaged says what was done, stranger that another run's records were put in,
	// unreadable which range can no longer be read.
	damaged    string
	stranger   bool
	unreadable []journal.Range

	earlier []journal.Report
	found   [][]Finding
	// kept says that at every look so far all promises were kept.
	kept bool
}

func newHistory(t *testing.T, seed uint64) *history {
	random := rand.New(rand.NewPCG(seed, 1))
	return &history{
		t: t, seed: seed, random: random, sent: map[int][][]byte{}, kept: true, overlap: random.IntN(4) == 0,
		format: journal.Format{ID: "0123456789abcdef", Size: journal.MinRecordSize},
	}
}

func (h *history) disagree(findings []Finding) {
	h.t.Helper()
	h.t.Fatalf("kept: %v, damage: %q, two writers: %v, promises: %v\nfindings: %v\nreport: %+v\nreplay: go test ./pkg/judge -run IfAndOnlyIf -seed %d",
		h.kept, h.damaged, h.overlap, h.ledger.Acks(), findings, h.earlier[len(h.earlier)-1], h.seed)
}

// writer is one epoch's.
type writer struct {
	*journal.Writer
	*history
	epoch int
	clock time.Time
}

func (w *writer) now() time.Time { return w.clock }

// Write appends, and remembers the records.
func (w *writer) Write(b []byte) (int, error) {
	w.file = append(w.file, b...)
	records := b[len(b)%w.format.Size:] // a line end may come first
	for at := 0; at < len(records); at += w.format.Size {
		w.sent[w.epoch] = append(w.sent[w.epoch], bytes.Clone(records[at:at+w.format.Size]))
	}
	return len(b), nil
}

func (w *writer) Datasync() error { return nil }

// commit writes and syncs a few records, and returns what may be acknowledged.
func (w *writer) commit(most int) ledger.Ack {
	last, err := w.Commit(1+w.random.IntN(most), w.now)
	require.NoError(w.t, err)
	return ledger.Ack{Point: journal.Point{Epoch: w.epoch, Seq: last.Seq}, Digest: last.Sum}
}

// epoch is one writer's: commits, acknowledgements, and records in flight at its
// end. The writer before it may still be alive.
func (h *history) epoch() {
	h.epochs++
	w := &writer{history: h, epoch: h.epochs, clock: time.Unix(int64(h.random.IntN(1e9)), 0)} // its clock may well be behind
	var err error
	w.Writer, err = journal.NewWriter(w, h.format, w.epoch, int64(len(h.file)), len(h.file) > 0 && h.file[len(h.file)-1] != '\n')
	require.NoError(h.t, err)
	acks := h.late
	h.late = nil
	for range h.random.IntN(6) {
		acks = append(acks, w.commit(5))
		acks = append(acks, h.intrude()...)
		h.snapshots = append(h.snapshots, bytes.Clone(h.file))
	}
	h.acknowledge(acks)
	before := len(h.file)
	w.commit(4) // its sync is never reported
	h.tail = len(h.file) - before
	h.before = w
}

// intrude lets the writer before go on, or end in the middle of a record.
func (h *history) intrude() []ledger.Ack {
	if !h.overlap || h.before == nil || h.random.IntN(3) > 0 {
		return nil
	}
	w := h.before
	if h.random.IntN(3) == 0 {
		h.before = nil
		at := len(h.file)
		w.commit(1)
		h.file = h.file[:at+h.random.IntN(h.format.Size)]
		return nil
	}
	return []ledger.Ack{w.commit(3)}
}

// acknowledge delivers acknowledgements late, twice, in any order, or never.
func (h *history) acknowledge(acks []ledger.Ack) {
	for _, i := range h.random.Perm(len(acks)) {
		switch h.random.IntN(8) {
		case 0:
		case 1:
			h.late = append(h.late, acks[i])
		case 2, 3:
			require.NoError(h.t, h.ledger.Record(acks[i]))
			fallthrough
		default:
			require.NoError(h.t, h.ledger.Record(acks[i]))
		}
	}
}

// crash spoils what was in flight.
func (h *history) crash() {
	flying := len(h.file) - h.tail
	switch h.random.IntN(5) {
	case 0: // all of it made it
	case 1: // none of it
		h.file = h.file[:flying]
	case 2: // torn anywhere
		h.file = h.file[:flying+h.random.IntN(h.tail+1)]
	case 3: // a page of it was never written
		from := flying + h.random.IntN(h.tail+1)
		clear(h.file[from:])
	case 4: // a bit of it flipped
		h.file[flying+h.random.IntN(h.tail)] ^= 1 << h.random.IntN(8)
	}
	if h.before != nil && h.random.IntN(2) == 0 {
		h.before = nil
	}
}

// befall does one thing to the volume at a random place, or nothing, once.
func (h *history) befall() {
	if h.damaged != "" || len(h.file) == 0 || h.random.IntN(3) == 0 {
		return
	}
	harms := slices.Concat(harmsInPlace, harmsOfWhole)
	if !h.overlap {
		// Where two writers overlapped, what one of them did not finish may look like this.
		harms = append(harms, harmsBetween...)
	}
	h.file = bytes.Clone(h.file)
	chosen := harms[h.random.IntN(len(harms))]
	h.damaged = chosen.name
	at := h.random.IntN(len(h.file))
	chosen.do(h, at, 1+h.random.IntN(min(len(h.file)-at, 5*h.format.Size)))
}

// harm does something to n bytes at an offset.
type harm struct {
	name string
	do   func(h *history, at, n int)
}

var harmsInPlace = []harm{
	{"a bit flipped", func(h *history, at, _ int) { h.file[at] ^= 1 << h.random.IntN(8) }},
	{"a range zeroed", func(h *history, at, n int) { clear(h.file[at : at+n]) }},
	{"a range written over another", func(h *history, at, n int) {
		to := h.random.IntN(len(h.file) - n + 1)
		copy(h.file[to:to+n], bytes.Clone(h.file[at:at+n]))
	}},
	{"a range landed elsewhere", func(h *history, at, n int) {
		moved := bytes.Clone(h.file[at : at+n])
		clear(h.file[at : at+n])
		copy(h.file[h.random.IntN(len(h.file)-n+1):], moved)
	}},
	{"two ranges swapped", func(h *history, at, n int) {
		to := h.random.IntN(len(h.file) - n + 1)
		if to+n > at && at+n > to {
			return
		}
		first := bytes.Clone(h.file[at : at+n])
		copy(h.file[at:], h.file[to:to+n])
		copy(h.file[to:], first)
	}},
	{"two records swapped", func(h *history, at, _ int) {
		size := h.format.Size
		a, b := at/size*size, h.random.IntN(len(h.file))/size*size
		if max(a, b)+size <= len(h.file) {
			first := bytes.Clone(h.file[a : a+size])
			copy(h.file[a:], h.file[b:b+size])
			copy(h.file[b:], first)
		}
	}},
	{"a range that cannot be read", func(h *history, at, n int) {
		clear(h.file[at : at+n])
		h.unreadable = append(h.unreadable, journal.Range{Offset: int64(at), Length: int64(n)})
	}},
}

var harmsOfWhole = []harm{
	{"a range cut out", func(h *history, at, n int) { h.file = slices.Delete(h.file, at, at+n) }},
	{"truncated", func(h *history, at, _ int) { h.file = h.file[:at] }},
	{"an older state came back", func(h *history, _, _ int) {
		if len(h.snapshots) > 0 {
			h.file = h.snapshots[h.random.IntN(len(h.snapshots))]
		}
	}},
	{"emptied", func(h *history, _, _ int) { h.file = nil }},
	{"another run's journal in its place", func(h *history, _, _ int) { h.file, h.stranger = strangers(h.t), true }},
	{"another run's records put in", func(h *history, at, _ int) {
		h.file = slices.Insert(h.file, at/h.format.Size*h.format.Size, strangers(h.t)...)
		h.stranger = true // the second of them begins a line in any case
	}},
}

var harmsBetween = []harm{
	{"bytes put in between", func(h *history, at, _ int) { h.file = slices.Insert(h.file, at, []byte("surprise")...) }},
	{"a range put in a second time", func(h *history, at, n int) {
		h.file = slices.Insert(h.file, h.random.IntN(len(h.file)), bytes.Clone(h.file[at:at+n])...)
	}},
}

// strangers are the records of another run.
func strangers(t *testing.T) []byte {
	v := newVolume(t)
	w, err := journal.NewWriter(v, journal.Format{ID: "fedcba9876543210", Size: journal.MinRecordSize}, 1, 0, false)
	require.NoError(t, err)
	_, err = w.Commit(2, time.Now)
	require.NoError(t, err)
	return v.bytes
}

// look is what a pod that comes finds, and what is known of it.
func (h *history) look() {
	h.t.Helper()
	promises := h.ledger.Acks()
	points := make([]journal.Point, len(promises))
	for i, p := range promises {
		points[i] = p.Point
	}
	report, err := journal.Scan(bytes.NewReader(h.file), h.format, points)
	require.NoError(h.t, err)
	report.Unreadable = h.unreadable
	judgement := Judge(Input{Acks: promises, Report: report, Earlier: h.earlier, Epochs: h.epochs, MayOverlap: h.overlap})
	h.earlier = append(h.earlier, report)
	h.found = append(h.found, judgement.Findings)
	intact := h.intact(promises)
	h.kept = h.kept && intact
	if intact != (len(judgement.Findings) == 0) {
		h.disagree(judgement.Findings)
	}
}

// intact says whether every promise is kept now, from what is known and not from
// what was scanned.
func (h *history) intact(promises []ledger.Ack) bool {
	if h.stranger && len(promises) > 0 {
		return false
	}
	end, overlap := -1, h.overlap && h.epochs > 1
	for _, p := range promises {
		if overlap {
			end = -1
		}
		for i, record := range h.sent[p.Epoch][:p.Seq] {
			at := bytes.Index(h.file, record)
			if i == 0 && at > 0 && (p.Epoch == 1 || h.holdsAny(h.sent[p.Epoch], h.file[:at])) {
				return false
			}
			inOrder := at == end || at > end && (i == 0 || overlap && !h.holdsAny(h.sent[p.Epoch], h.file[end:at]))
			if bytes.Count(h.file, record) != 1 || !inOrder {
				return false
			}
			end = at + len(record)
		}
	}
	return !h.stranger
}

// holdsAny says whether one of the records is in a part of the file.
func (h *history) holdsAny(records [][]byte, part []byte) bool {
	return slices.ContainsFunc(records, func(r []byte) bool { return bytes.Contains(part, r) })
}
