package judge

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"slices"
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

// The property: a run passes if and only if every acknowledged record is present,
// in order, once and intact, and nothing is present that was never sent.
func TestPassIfAndOnlyIfEveryPromiseWasKept(t *testing.T) {
	if *seed != 0 {
		judgeHistory(t, *seed)
		return
	}
	first := uint64(time.Now().UnixNano())
	passed := 0
	for i := range *cases {
		if judgeHistory(t, first+uint64(i)) {
			passed++
		}
	}
	t.Logf("%d histories, %d of them a Pass, from seed %d on", *cases, passed, first)
	require.NotZero(t, passed)
	require.NotEqual(t, *cases, passed)
}

// judgeHistory makes up a history, and compares the judge's word with what is known of it.
func judgeHistory(t *testing.T, seed uint64) (pass bool) {
	t.Helper()
	h := newHistory(t, seed)
	h.write()
	h.damage()
	promises := h.ledger.Promises()
	points := make([]journal.Point, len(promises))
	for i, p := range promises {
		points[i] = p.Point
	}
	report, err := journal.Scan(bytes.NewReader(h.file), h.format, points)
	require.NoError(t, err)
	judgement := Judge(Case{Promises: promises, Report: report, Epochs: h.epochs})
	kept := h.kept(promises)
	if kept != (len(judgement.Findings) == 0) {
		t.Fatalf("kept: %v, damage: %v, promises: %v\nfindings: %v\nreport: %+v\nreplay: go test ./pkg/judge -run IfAndOnlyIf -seed %d", kept, h.damaged, points, judgement.Findings, report, seed)
	}
	return kept
}

// history is a volume, what was written to it, and what was done to it.
type history struct {
	t      *testing.T
	random *rand.Rand
	format journal.Format
	file   []byte
	ledger ledger.Ledger
	epochs int
	// tail is how many bytes were in flight at the end of the last epoch.
	tail int
	// sent are the records written, by epoch, whatever became of them.
	sent map[int][][]byte
	// damaged says what was done, stranger that records of another run were put in.
	damaged  string
	stranger bool
}

func newHistory(t *testing.T, seed uint64) *history {
	return &history{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), sent: map[int][][]byte{},
		format: journal.Format{ID: "0123456789abcdef", Size: journal.MinRecordSize},
	}
}

func (h *history) Write(b []byte) (int, error) {
	h.file = append(h.file, b...)
	return len(b), nil
}

func (h *history) Datasync() error { return nil }

// write writes a few epochs. Each commits groups of records, and ends in a crash
// that may spoil what was written after its last sync.
func (h *history) write() {
	for range 1 + h.random.IntN(4) {
		h.epoch()
		h.crash()
	}
}

// epoch is one writer's: commits, acknowledgements, and records in flight at its end.
func (h *history) epoch() {
	h.epochs++
	unterminated := len(h.file) > 0 && h.file[len(h.file)-1] != '\n'
	w, err := journal.NewWriter(h, h.format, h.epochs, int64(len(h.file)), unterminated)
	require.NoError(h.t, err)
	clock := time.Unix(int64(h.random.IntN(1e9)), 0) // an epoch's clock may well be behind the one's before
	var acks []ledger.Ack
	start := len(h.file)
	if unterminated {
		start++
	}
	commits := h.random.IntN(6)
	for range commits {
		last, err := w.Commit(1+h.random.IntN(5), func() time.Time { return clock })
		require.NoError(h.t, err)
		acks = append(acks, ledger.Ack{Point: journal.Point{Epoch: h.epochs, Seq: last.Seq}, Digest: last.Sum})
	}
	if commits == 0 {
		start = len(h.file)
	}
	h.note(start)
	h.acknowledge(acks)
	h.inFlight(w, clock)
}

// note remembers the records that an epoch wrote from an offset on.
func (h *history) note(start int) {
	for at := start; at < len(h.file); at += h.format.Size {
		h.sent[h.epochs] = append(h.sent[h.epochs], bytes.Clone(h.file[at:at+h.format.Size]))
	}
}

// acknowledge delivers acknowledgements late, twice, in any order, or never.
func (h *history) acknowledge(acks []ledger.Ack) {
	for _, i := range h.random.Perm(len(acks)) {
		for range h.random.IntN(3) {
			require.NoError(h.t, h.ledger.Record(acks[i]))
		}
	}
}

// inFlight writes records whose sync is never reported.
func (h *history) inFlight(w *journal.Writer, clock time.Time) {
	before := len(h.file)
	if _, err := w.Commit(1+h.random.IntN(4), func() time.Time { return clock }); err != nil {
		require.NoError(h.t, err)
	}
	h.tail = len(h.file) - before
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
}

// damage does one thing to the volume at a random place, or nothing.
func (h *history) damage() {
	if len(h.file) == 0 {
		return
	}
	size := h.format.Size
	at := h.random.IntN(len(h.file))
	n := 1 + h.random.IntN(min(len(h.file)-at, 5*size))
	switch h.random.IntN(11) {
	case 0, 1:
		h.damaged = "none"
	case 2:
		h.damaged = "a bit flipped"
		h.file[at] ^= 1 << h.random.IntN(8)
	case 3:
		h.damaged = "a range zeroed"
		clear(h.file[at : at+n])
	case 4:
		h.damaged = "a range cut out"
		h.file = slices.Delete(h.file, at, at+n)
	case 5:
		h.damaged = "truncated"
		h.file = h.file[:at]
	case 6:
		h.damaged = "a range written over another"
		to := h.random.IntN(len(h.file) - n + 1)
		copy(h.file[to:to+n], bytes.Clone(h.file[at:at+n]))
	case 7:
		h.damaged = "two records swapped"
		a, b := at/size*size, h.random.IntN(len(h.file))/size*size
		if max(a, b)+size <= len(h.file) {
			first := bytes.Clone(h.file[a : a+size])
			copy(h.file[a:], h.file[b:b+size])
			copy(h.file[b:], first)
		}
	case 8:
		h.damaged = "bytes put in between"
		h.file = slices.Insert(h.file, at, []byte("surprise")...)
	case 9:
		h.damaged = "a range put in a second time"
		to := h.random.IntN(len(h.file))
		h.file = slices.Insert(h.file, to, bytes.Clone(h.file[at:at+n])...)
	case 10:
		h.damaged = "another run's records put in"
		other := newHistory(h.t, 7)
		other.format.ID = "fedcba9876543210"
		w, err := journal.NewWriter(other, other.format, 1, 0, false)
		require.NoError(h.t, err)
		_, err = w.Commit(2, time.Now)
		require.NoError(h.t, err)
		h.file = slices.Insert(h.file, at/size*size, other.file...)
		// The second of them begins a line in any case.
		h.stranger = true
	}
}

// kept says whether every promise was kept, from what is known and not from what was scanned.
func (h *history) kept(promises []ledger.Ack) bool {
	if h.stranger {
		return false
	}
	end := -1
	for _, p := range promises {
		for i, record := range h.sent[p.Epoch][:p.Seq] {
			at := bytes.Index(h.file, record)
			inOrder := at == end || i == 0 && at > end
			if bytes.Count(h.file, record) != 1 || !inOrder {
				return false
			}
			end = at + len(record)
		}
	}
	return true
}
