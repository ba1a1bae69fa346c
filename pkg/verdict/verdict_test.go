package verdict_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// lostLast is the loss of the last of ten records.
var lostLast = judge.Finding{Class: judge.LostTail, Epoch: 1, First: 10, Last: 10, Records: 1}

// readWith returns a read of the journal that found the given findings.
func readWith(findings ...judge.Finding) *result.JournalRead {
	return &result.JournalRead{Judgement: judge.Judgement{Acknowledged: 10, Findings: findings}}
}

// verified returns a cell that lacks nothing: ten acknowledged records, one deletion, and a reader.
func verified() result.Cell {
	return result.Cell{
		Acks:       []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 10}}},
		Epochs:     []result.Epoch{{Number: 1, DeletionRequestedAt: time.Unix(1, 0)}},
		Reader:     readWith(),
		Provenance: provenance.Provenance{Level: provenance.Uncached},
	}
}

func TestDecide_ReturnsWhatACellLacks(t *testing.T) {
	met := verdict.Conditions{RequiredEvidence: provenance.Uncached, ActiveDeletions: 1}
	for name, c := range map[string]struct {
		change func(*result.Cell, *verdict.Conditions)
		want   verdict.Shortfall
	}{
		"nothing": {func(*result.Cell, *verdict.Conditions) {}, verdict.None},
		"an acknowledgement": {
			func(c *result.Cell, _ *verdict.Conditions) { c.Acks = nil }, verdict.NothingAcknowledged,
		},
		"a deletion of an active writer": {
			func(_ *result.Cell, w *verdict.Conditions) { w.ActiveDeletions = 0 }, verdict.NoActiveWriter,
		},
		"no deletion was intended": {
			func(c *result.Cell, w *verdict.Conditions) {
				c.Epochs[0].DeletionRequestedAt, w.ActiveDeletions = time.Time{}, 0
			},
			verdict.None,
		},
		"a reader": {func(c *result.Cell, _ *verdict.Conditions) { c.Reader = nil }, verdict.NotReadBack},
		"evidence": {
			func(_ *result.Cell, w *verdict.Conditions) { w.RequiredEvidence = provenance.Remounted }, verdict.WeakEvidence,
		},
		"the later deletions": {
			func(_ *result.Cell, w *verdict.Conditions) { w.Refusal = errors.New("the volume is full") }, verdict.WriteRefused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cell, conditions := verified(), met
			c.change(&cell, &conditions)
			assert.Equal(t, c.want, verdict.Decide(&cell, conditions))
			if c.want == verdict.None {
				assert.Equal(t, judge.Pass, cell.Verdict)
			} else {
				assert.Equal(t, judge.Error, cell.Verdict)
			}
			assert.Contains(t, cell.Reason, "intact")
		})
	}
}

func TestDecide_AFindingOutweighsEveryShortfall(t *testing.T) {
	cell := verified()
	cell.Findings = []judge.Finding{lostLast}
	assert.Equal(t, verdict.None, verdict.Decide(&cell, verdict.Conditions{Refusal: errors.New("refused")}))
	assert.Equal(t, judge.Fail, cell.Verdict)
	assert.Contains(t, cell.Reason, "lost-tail")
}

func TestCollect_AnEarlierLossCounts(t *testing.T) {
	cell := verified()
	cell.Epochs[0].InitialRead = readWith(lostLast)
	cell.Epochs[0].InitialRead.Judgement.Notes = []string{"unusual"}
	cell.Reader.Judgement.Notes = []string{"unusual"}
	unavailable := judge.Finding{Class: judge.Unavailable}
	for range 2 { // collecting twice changes nothing
		verdict.Collect(&cell, []judge.Finding{unavailable})
		assert.ElementsMatch(t, []judge.Finding{lostLast, unavailable}, cell.Findings)
		assert.Equal(t, []string{"unusual"}, cell.Notes)
	}
}

// unsupportedBy returns a cell with a write pattern, and the error of a call that its volume does not support.
func unsupportedBy(name pattern.Name) (result.Cell, protocol.OpError) {
	cell := verified()
	cell.Spec.WritePattern = name
	return cell, protocol.OpError{Op: "mapping", Cause: "cannot map", Errno: syscall.ENODEV, Unsupported: true}
}

func TestUnsupported_SkipsACellWithAnotherPatternThanAppend(t *testing.T) {
	for name, want := range map[pattern.Name]judge.Verdict{
		pattern.Map: judge.Skipped, pattern.Append: judge.Error, "": judge.Error,
	} {
		for at, decide := range map[string]func(*result.Cell, protocol.OpError){
			"before the first record": func(c *result.Cell, op protocol.OpError) {
				verdict.EndEarly(c, fmt.Errorf("the writer of epoch 1: %w", op))
			},
			"in a later writer": func(c *result.Cell, op protocol.OpError) {
				verdict.Decide(c, verdict.Conditions{ActiveDeletions: 1, Refusal: fmt.Errorf("the writer of epoch 2: %w", op)})
			},
		} {
			cell, op := unsupportedBy(name)
			decide(&cell, op)
			assert.Equal(t, want, cell.Verdict, at)
			if want == judge.Skipped {
				assert.Contains(t, cell.Reason, "the volume does not support the write pattern map: the writer of epoch")
				assert.Contains(t, cell.Reason, "mapping: cannot map")
			}
		}
	}
	cell, op := unsupportedBy(pattern.Map)
	cell.Epochs[0].ExitError = &op
	verdict.Decide(&cell, verdict.Conditions{ActiveDeletions: 1})
	assert.Equal(t, judge.Skipped, cell.Verdict)
}

func TestUnsupported_AFindingOutweighsIt(t *testing.T) {
	cell, op := unsupportedBy(pattern.Map)
	cell.Findings = []judge.Finding{lostLast}
	verdict.EndEarly(&cell, op)
	assert.Equal(t, judge.Fail, cell.Verdict)
	assert.Equal(t, verdict.Refusal, verdict.MeaningOf(&op, judge.Unavailable), "it is no finding")
}

func TestEndEarly(t *testing.T) {
	failed, stopped := errors.New("quota exceeded"), fmt.Errorf("%w: terminated", verdict.ErrStopped)
	for name, c := range map[string]struct {
		findings []judge.Finding
		err      error
		want     judge.Verdict
	}{
		"an error":                 {nil, failed, judge.Error},
		"a stop":                   {nil, stopped, judge.Stopped},
		"an error after a finding": {[]judge.Finding{lostLast}, failed, judge.Fail},
		"a stop after a finding":   {[]judge.Finding{lostLast}, stopped, judge.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			cell := result.Cell{Findings: c.findings}
			verdict.EndEarly(&cell, c.err)
			assert.Equal(t, c.want, cell.Verdict)
			assert.Contains(t, cell.Reason, c.err.Error())
		})
	}
}

func TestNoteExits_HasTheErrorAndItsTime(t *testing.T) {
	full, dead := protocol.NewOpError("writing", syscall.ENOSPC), protocol.NewOpError("writing", syscall.ENOTCONN)
	at := time.Date(2026, 11, 29, 8, 15, 3, 0, time.UTC)
	c := result.Cell{Epochs: []result.Epoch{
		{Number: 1, ExitError: &full}, {Number: 2}, {Number: 3, ExitError: &dead, ExitedAt: at},
		{Number: 4, ExitError: &full, ExitedAt: at, DeletedAt: at.Add(time.Second)},
		{Number: 5, ExitError: &full, ExitedAt: at, DeletedAt: at.Add(-time.Second)},
	}}
	verdict.NoteExits(&c, "deleted")
	assert.Equal(t, []string{
		"writer 1 exited before it was deleted: " + full.Error(),
		"writer 3 exited before it was deleted: " + dead.Error() + ", received at 2026-11-29T08:15:03Z" +
			": the volume was disconnected: its FUSE daemon had died, or no server could be reached",
		"writer 4 exited before it was deleted: " + full.Error() + ", received at 2026-11-29T08:15:03Z",
		"writer 5 exited after it was deleted: " + full.Error() + ", received at 2026-11-29T08:15:03Z",
	}, c.Notes)
}
