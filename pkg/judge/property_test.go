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
	cases = flag.Int("cases", 20_000, "number of random histories to judge")
	seed  = flag.Uint64("seed", 0, "judge only the history of this seed")
)

// The property: a scan gives no finding if and only if every record that had been
// acknowledged by then is present, in order, once and intact, and nothing is present
// that was not written. A run passes if and only if none of its scans gives a finding,
// so a later writer cannot hide an earlier loss.
func TestJudge_PassesIfAndOnlyIfAcknowledgedRecordsAreIntact(t *testing.T) {
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
	t.Logf("%d histories from seed %d on, %d of them passed", *cases, first, passed.Load())
	require.NotZero(t, passed.Load())
	require.NotEqual(t, int64(*cases), passed.Load())
}

// judgeHistory generates a history and compares its judgement with what is known about it.
func judgeHistory(t *testing.T, seed uint64) (pass bool) {
	t.Helper()
	h := newHistory(t, seed)
	for range 1 + h.random.IntN(4) {
		if h.epochs > 0 {
			h.damageOnce()
			h.scan()
		}
		h.writeEpoch()
		h.crash()
	}
	h.damageOnce()
	h.scan()
	if findings := Merge(h.findings...); h.intact != (len(findings) == 0) {
		h.failJudgement(findings)
	}
	return h.intact
}

// history is a volume, what was written to it and how it was damaged.
type history struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	format journal.Format
	file   []byte
	ledger ledger.Ledger
	// late are acknowledgements that arrive in the next epoch.
	late   []ledger.Ack
	epochs int
	// overlap reports whether two writers may run at the same time, previous is the earlier one while it runs.
	overlap  bool
	previous *writer
	// unsynced is the number of bytes at the end of the last epoch that were not synced.
	unsynced int
	// written are the records that were written, by epoch, whether they are still there or not.
	written map[int][][]byte
	// snapshots are earlier states of the file.
	snapshots [][]byte
	// damage is the name of the damage that was done, foreign reports whether records of another run were added,
	// unreadable are the ranges that can no longer be read.
	damage     string
	foreign    bool
	unreadable []journal.Range

	earlier  []journal.ScanReport
	findings [][]Finding
	// intact reports whether the acknowledged records were intact at every scan so far.
	intact bool
}

func newHistory(t *testing.T, seed uint64) *history {
	random := rand.New(rand.NewPCG(seed, 1))
	return &history{
		t: t, seed: seed, random: random, written: map[int][][]byte{}, intact: true,
		overlap: random.IntN(4) == 0,
		format:  journal.Format{ID: "0123456789abcdef", RecordSize: journal.MinRecordSize},
	}
}

func (h *history) failJudgement(findings []Finding) {
	h.t.Helper()
	h.t.Fatalf("intact: %v, damage: %q, two writers: %v, acknowledgements: %v\nfindings: %v\nreport: %+v\n"+
		"replay: go test ./pkg/judge -run IfAndOnlyIf -seed %d",
		h.intact, h.damage, h.overlap, h.ledger.Acks(), findings, h.earlier[len(h.earlier)-1], h.seed)
}

// writer writes one epoch.
type writer struct {
	*journal.Writer
	*history
	epoch int
	clock time.Time
}

func (w *writer) now() time.Time { return w.clock }

// Write appends to the file and keeps a copy of the records.
func (w *writer) Write(b []byte) (int, error) {
	w.file = append(w.file, b...)
	records := b[len(b)%w.format.RecordSize:] // after a newline, if the file ended without one
	for at := 0; at < len(records); at += w.format.RecordSize {
		w.written[w.epoch] = append(w.written[w.epoch], bytes.Clone(records[at:at+w.format.RecordSize]))
	}
	return len(b), nil
}

func (w *writer) Datasync() error { return nil }

// commit writes and syncs 1 to limit records, and returns their acknowledgement.
func (w *writer) commit(limit int) ledger.Ack {
	last, err := w.Commit(1+w.random.IntN(limit), w.now)
	require.NoError(w.t, err)
	return ledger.Ack{Point: journal.Point{Epoch: w.epoch, Seq: last.Seq}, Digest: last.Checksum}
}

// writeEpoch runs a writer: commits, acknowledgements, and a last commit whose sync never
// returns. The previous writer may still be running.
func (h *history) writeEpoch() {
	h.epochs++
	clock := time.Unix(int64(h.random.IntN(1e9)), 0) // may be behind the previous writer's
	w := &writer{history: h, epoch: h.epochs, clock: clock}
	unterminated := len(h.file) > 0 && h.file[len(h.file)-1] != '\n'
	var err error
	w.Writer, err = journal.NewWriter(w, h.format, w.epoch, int64(len(h.file)), unterminated)
	require.NoError(h.t, err)
	acks := h.late
	h.late = nil
	for range h.random.IntN(6) {
		acks = append(acks, w.commit(5))
		acks = append(acks, h.writePrevious()...)
		h.snapshots = append(h.snapshots, bytes.Clone(h.file))
	}
	h.acknowledge(acks)
	synced := len(h.file)
	w.commit(4)
	h.unsynced = len(h.file) - synced
	h.previous = w
}

// writePrevious lets the previous writer commit once more, or end in the middle of a record.
func (h *history) writePrevious() []ledger.Ack {
	if !h.overlap || h.previous == nil || h.random.IntN(3) > 0 {
		return nil
	}
	w := h.previous
	if h.random.IntN(3) == 0 {
		h.previous = nil
		end := len(h.file)
		w.commit(1)
		h.file = h.file[:end+h.random.IntN(h.format.RecordSize)]
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
			require.NoError(h.t, h.ledger.Add(acks[i]))
			fallthrough
		default:
			require.NoError(h.t, h.ledger.Add(acks[i]))
		}
	}
}

// crash damages the unsynced bytes.
func (h *history) crash() {
	synced := len(h.file) - h.unsynced
	switch h.random.IntN(5) {
	case 0: // all of them were written
	case 1: // none of them was written
		h.file = h.file[:synced]
	case 2: // torn anywhere
		h.file = h.file[:synced+h.random.IntN(h.unsynced+1)]
	case 3: // the end was not written
		clear(h.file[synced+h.random.IntN(h.unsynced+1):])
	case 4: // a bit flipped
		h.file[synced+h.random.IntN(h.unsynced)] ^= 1 << h.random.IntN(8)
	}
	if h.previous != nil && h.random.IntN(2) == 0 {
		h.previous = nil
	}
}

// damageOnce damages the volume at a random place, at most once in a history.
func (h *history) damageOnce() {
	if h.damage != "" || len(h.file) == 0 || h.random.IntN(3) == 0 {
		return
	}
	damages := slices.Concat(damagesInPlace, damagesOfFile)
	if !h.overlap {
		// If two writers overlapped, an unfinished write of one of them may look like this.
		damages = append(damages, insertions...)
	}
	h.file = bytes.Clone(h.file)
	chosen := damages[h.random.IntN(len(damages))]
	h.damage = chosen.name
	at := h.random.IntN(len(h.file))
	chosen.do(h, at, 1+h.random.IntN(min(len(h.file)-at, 5*h.format.RecordSize)))
}

// damage is a way to damage n bytes at an offset.
type damage struct {
	name string
	do   func(h *history, at, n int)
}

var damagesInPlace = []damage{
	{"a bit flipped", func(h *history, at, _ int) { h.file[at] ^= 1 << h.random.IntN(8) }},
	{"a range zeroed", func(h *history, at, n int) { clear(h.file[at : at+n]) }},
	{"a range written over another", func(h *history, at, n int) {
		to := h.random.IntN(len(h.file) - n + 1)
		copy(h.file[to:to+n], bytes.Clone(h.file[at:at+n]))
	}},
	{"a range written to another place", func(h *history, at, n int) {
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
		size := h.format.RecordSize
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

var damagesOfFile = []damage{
	{"a range cut out", func(h *history, at, n int) { h.file = slices.Delete(h.file, at, at+n) }},
	{"truncated", func(h *history, at, _ int) { h.file = h.file[:at] }},
	{"an older state came back", func(h *history, _, _ int) {
		if len(h.snapshots) > 0 {
			h.file = h.snapshots[h.random.IntN(len(h.snapshots))]
		}
	}},
	{"emptied", func(h *history, _, _ int) { h.file = nil }},
	{"replaced by the journal of another run", func(h *history, _, _ int) {
		h.file, h.foreign = foreignRecords(h.t), true
	}},
	{"records of another run inserted", func(h *history, at, _ int) {
		h.file = slices.Insert(h.file, at/h.format.RecordSize*h.format.RecordSize, foreignRecords(h.t)...)
		h.foreign = true // at least the second of them is at the start of a line
	}},
}

var insertions = []damage{
	{"bytes inserted", func(h *history, at, _ int) { h.file = slices.Insert(h.file, at, []byte("surprise")...) }},
	{"a range inserted a second time", func(h *history, at, n int) {
		h.file = slices.Insert(h.file, h.random.IntN(len(h.file)), bytes.Clone(h.file[at:at+n])...)
	}},
}

// foreignRecords returns records of another run.
func foreignRecords(t *testing.T) []byte {
	v := newVolume(t)
	w, err := journal.NewWriter(v, journal.Format{ID: "fedcba9876543210", RecordSize: journal.MinRecordSize}, 1, 0, false)
	require.NoError(t, err)
	_, err = w.Commit(2, time.Now)
	require.NoError(t, err)
	return v.bytes
}

// scan scans and judges the journal, and compares the judgement with what is known.
func (h *history) scan() {
	h.t.Helper()
	acks := h.ledger.Acks()
	points := make([]journal.Point, len(acks))
	for i, a := range acks {
		points[i] = a.Point
	}
	report, err := journal.Scan(bytes.NewReader(h.file), h.format, points)
	require.NoError(h.t, err)
	report.Unreadable = h.unreadable
	findings := Judge(Input{
		Acks: acks, Scan: report, Earlier: h.earlier, Epochs: h.epochs, MayOverlap: h.overlap,
	}).Findings
	h.earlier = append(h.earlier, report)
	h.findings = append(h.findings, findings)
	if a, b, found := overlapping(findings); found && !h.overlap {
		h.t.Fatalf("two findings about the same bytes: %s %d-%d, %s %d-%d\n"+
			"replay: go test ./pkg/judge -run IfAndOnlyIf -seed %d", a, a.Offset, a.End, b, b.Offset, b.End, h.seed)
	}
	intact := h.isIntact(acks)
	h.intact = h.intact && intact
	if intact != (len(findings) == 0) {
		h.failJudgement(findings)
	}
}

// isIntact reports whether the acknowledged records are intact now. It compares the file
// with what was written, and does not use a scan.
func (h *history) isIntact(acks []ledger.Ack) bool {
	if h.foreign {
		return false
	}
	end, overlap := -1, h.overlap && h.epochs > 1
	for _, a := range acks {
		if overlap {
			end = -1
		}
		for i, record := range h.written[a.Epoch][:a.Seq] {
			at := bytes.Index(h.file, record)
			if i == 0 && at > 0 && (a.Epoch == 1 || containsAny(h.file[:at], h.written[a.Epoch])) {
				return false
			}
			inOrder := at == end ||
				at > end && (i == 0 || overlap && !containsAny(h.file[end:at], h.written[a.Epoch]))
			if bytes.Count(h.file, record) != 1 || !inOrder {
				return false
			}
			end = at + len(record)
		}
	}
	return true
}

// containsAny reports whether a part of the file contains one of the records.
func containsAny(part []byte, records [][]byte) bool {
	return slices.ContainsFunc(records, func(r []byte) bool { return bytes.Contains(part, r) })
}

// overlapping returns two findings about damaged bytes in the place of lost records that have a byte in common.
func overlapping(findings []Finding) (a, b Finding, found bool) {
	damaged := []Class{Torn, Corrupt, Unavailable, LostGap}
	for i, a := range findings {
		for _, b := range findings[:i] {
			if slices.Contains(damaged, a.Class) && slices.Contains(damaged, b.Class) && a.Records > 0 && b.Records > 0 &&
				intersection(a.Offset, a.End, b.Offset, b.End) > 0 {
				return a, b, true
			}
		}
	}
	return a, b, false
}
