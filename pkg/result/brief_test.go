package result

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// longCell returns a cell in which each writer but the last was deleted, and found all records of the earlier ones. The
// recovery before a writer takes a millisecond, or the given number of them.
func longCell(writers int, slow map[int]int) Cell {
	c := wholeCell(writers, slow)
	for i := range c.Epochs[1:] {
		c.omitWhatNextLists(i)
	}
	return c
}

// omitWhatNextLists does what a run does when the next writer has read the journal.
func (c *Cell) omitWhatNextLists(i int) {
	if read := c.Epochs[i].InitialRead; read != nil {
		read.OmitWhatNextLists(c.Epochs[i+1].InitialRead.ScanResult)
	}
}

// wholeCell returns a cell as longCell does, but no read omits anything.
func wholeCell(writers int, slow map[int]int) Cell {
	c := Cell{}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var scan protocol.ScanResult
	scan.Present = true
	for n := 1; n <= writers; n++ {
		e := Epoch{Number: n, BootID: "boot", FirstAckAt: now.Add(time.Duration(max(1, slow[n])) * time.Millisecond)}
		first := ledger.Ack{Point: journal.Point{Epoch: n, Seq: 1}, Time: e.FirstAckAt}
		e.FirstAck = &first
		if n > 1 {
			acknowledged := uint64(10 * (n - 1))
			e.InitialRead = &JournalRead{
				ScanResult: scan, Judgement: judge.Judgement{Acknowledged: acknowledged, Intact: acknowledged},
			}
		}
		now = e.FirstAckAt.Add(time.Duration(20+n%7) * time.Millisecond) // the writers have different rates
		last := ledger.Ack{Point: journal.Point{Epoch: n, Seq: 10}, Time: now}
		if n < writers {
			e.AckedAtDeletion, e.DeletionRequestedAt, e.DeletedAt = uint64(10*n), now, now
		}
		scan.Segments = append(scan.Segments[:n-1:n-1], journal.Segment{Epoch: n, First: 1, Last: 10})
		c.Epochs, c.Acks = append(c.Epochs, e), append(c.Acks, last)
	}
	return c
}

func numbers(epochs []Epoch) map[int]bool {
	all := map[int]bool{}
	for _, e := range epochs {
		all[e.Number] = true
	}
	return all
}

func TestShortenEpochs_KeepsAShortRun(t *testing.T) {
	c := longCell(100, nil)
	c.ShortenEpochs(c.Acks)
	assert.Equal(t, longCell(100, nil), c)
}

func TestShortenEpochs_KeepsTheFirstTheLastAndTheSlowest(t *testing.T) {
	slow := map[int]int{
		120: 5, 121: 6, 200: 7, 300: 8, 301: 9, 302: 10, 400: 11, 401: 12, 404: 13, 440: 14, 442: 15, 443: 16,
	}
	require.Len(t, slow, keptRecoveries)
	c := longCell(500, slow)
	c.ShortenEpochs(c.Acks)
	want := map[int]bool{}
	for n := range 50 {
		want[n+1], want[500-n] = true, true
	}
	for n := range slow {
		want[n-1], want[n] = true, true
	}
	assert.Equal(t, want, numbers(c.Epochs))
	assert.Equal(t, 500, c.Writers())
}

func TestShortenEpochs_DoesNotChangeCopiesOfTheCell(t *testing.T) {
	c := longCell(300, nil)
	shared := c
	c.ShortenEpochs(c.Acks)
	assert.Less(t, len(c.Epochs), 300)
	assert.Equal(t, longCell(300, nil), shared)
}

// Whether a run is shortened while it executes, at its end or not at all, its figures are the same.
func TestShortenEpochs_ChangesNoFigure(t *testing.T) {
	slow := map[int]int{}
	for n := range 400 {
		slow[n] = 1 + n*7919%101
	}
	whole := longCell(400, slow)
	atEnd := longCell(400, slow)
	atEnd.ShortenEpochs(atEnd.Acks)
	var during Cell
	for _, e := range wholeCell(400, slow).Epochs {
		during.Epochs = append(during.Epochs, e)
		if e.Number > 1 {
			during.omitWhatNextLists(len(during.Epochs) - 2)
		}
		during.ShortenEpochs(whole.Acks)
		assert.LessOrEqual(t, len(during.Epochs), keptAtStart+keptAtEnd+2*keptRecoveries+2)
	}
	during.Acks = whole.Acks
	for _, c := range []Cell{atEnd, during} {
		require.NotNil(t, c.Brief)
		assert.Equal(t, whole.Writers(), c.Writers())
		assert.Equal(t, whole.Deletions(), c.Deletions())
		assert.Equal(t, whole.SlowestRecovery(), c.SlowestRecovery())
		assert.InDelta(t, whole.Rate(), c.Rate(), 1e-9)
		want := whole.Recoveries()
		for i, r := range c.Recoveries() {
			assert.Equal(t, want[i].Epoch, r.Epoch)
			assert.Equal(t, want[i].FirstAck, r.FirstAck)
			assert.Equal(t, want[i].AckedAtDeletion, r.AckedAtDeletion)
		}
		assert.Len(t, c.Recoveries(), len(want))
	}
}

func TestShortenEpochs_KeepsAWriterWithAFindingANoteOrAnError(t *testing.T) {
	for name, change := range map[string]func(*Epoch){
		"nothing":           nil,
		"an error":          func(e *Epoch) { e.ExitError = &protocol.OpError{} },
		"an outage":         func(e *Epoch) { e.APIOutage = time.Second },
		"another node":      func(e *Epoch) { e.Node = "other" },
		"another mount":     func(e *Epoch) { e.Mount.Device = "7:1" },
		"no read":           func(e *Epoch) { e.InitialRead = nil },
		"a finding":         func(e *Epoch) { e.InitialRead.Judgement.Findings = []judge.Finding{{}} },
		"a note":            func(e *Epoch) { e.InitialRead.Judgement.Notes = []string{"note"} },
		"a loss":            func(e *Epoch) { e.InitialRead.Judgement.Intact-- },
		"no journal":        func(e *Epoch) { e.InitialRead.ScanResult.Present = false },
		"another read":      func(e *Epoch) { e.InitialRead.ScanResult.Reread = &protocol.Reread{} },
		"unreadable bytes":  func(e *Epoch) { e.InitialRead.ScanResult.Unreadable = []journal.Range{{}} },
		"unlisted entries":  func(e *Epoch) { e.InitialRead.ScanResult.Unlisted = 1 },
		"an excerpt":        func(e *Epoch) { e.InitialRead.ScanResult.Excerpt = &protocol.Excerpt{} },
		"damage":            func(e *Epoch) { e.InitialRead.ScanResult.Damage = []journal.Damage{{Length: 1}} },
		"foreign records":   func(e *Epoch) { e.InitialRead.ScanResult.Foreign = []journal.Foreign{{ID: "x"}} },
		"lost segments":     func(e *Epoch) { e.InitialRead.ScanResult.Segments = []journal.Segment{{Epoch: 9}} },
		"lost digests":      func(e *Epoch) { e.InitialRead.ScanResult.Digests = []journal.Digest{{}} },
		"no acknowledgment": func(e *Epoch) { e.FirstAckAt = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			c := longCell(300, nil)
			if change != nil {
				change(&c.Epochs[169])
			}
			c.ShortenEpochs(c.Acks)
			assert.Equal(t, change != nil, numbers(c.Epochs)[170])
			assert.False(t, numbers(c.Epochs)[171])
		})
	}
}

// Otherwise the recovery before the next writer would be unknown.
func TestShortenEpochs_KeepsAWriterWithoutAWriterBeforeIt(t *testing.T) {
	for _, missing := range []int{50, 170} { // no writer, or some, were left out before
		c := longCell(300, nil)
		c.Epochs = slices.DeleteFunc(c.Epochs, func(e Epoch) bool { return e.Number == missing })
		c.ShortenEpochs(c.Acks)
		assert.True(t, numbers(c.Epochs)[missing+1], missing)
		assert.False(t, numbers(c.Epochs)[missing+2], missing)
	}
}

func TestBriefEpochs_AreUnchangedByJSON(t *testing.T) {
	c := longCell(300, nil)
	c.ShortenEpochs(c.Acks)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var read Cell
	require.NoError(t, json.Unmarshal(text, &read))
	assert.NotEmpty(t, read.Brief.Epochs)
	assert.Equal(t, c.Brief, read.Brief)
	assert.Equal(t, c.Recoveries(), read.Recoveries())
}

// A later writer ends the line of a torn record, so the damage grows by a byte.
func TestShortenEpochs_LeavesOutDamageThatTheLatestReadShows(t *testing.T) {
	c := longCell(300, nil)
	for i := 169; i < 300; i++ {
		c.Epochs[i].InitialRead.ScanResult.Damage = []journal.Damage{{Offset: 7, Length: int64(min(i, 170))}}
	}
	c.ShortenEpochs(c.Acks)
	assert.False(t, numbers(c.Epochs)[170])
}

// The reads of a pattern with objects tell which state of the volume a later read shows.
func TestShortenEpochs_KeepsTheReadsOfObjects(t *testing.T) {
	c := longCell(300, nil)
	c.Layout = pattern.NewLayout(pattern.Overwrite, 10)
	c.ShortenEpochs(c.Acks)
	assert.Len(t, c.Epochs, 300)
}

func TestKnownLists_AreThoseOfALongListThatIsComplete(t *testing.T) {
	c := longCell(103, nil)
	assert.Empty(t, c.Epochs[99].InitialRead.KnownLists(), "99 segments")
	assert.Empty(t, c.Epochs[101].InitialRead.KnownLists(), "it leaves out what the next read lists")
	assert.Len(t, c.Epochs[102].InitialRead.KnownLists().Segments, 102)
}
