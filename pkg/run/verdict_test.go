package run

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// lostLast is the loss of the last of ten records.
var lostLast = judge.Judgement{
	Acknowledged: 10,
	Findings:     []judge.Finding{{Class: judge.LostTail, Epoch: 1, First: 10, Last: 10, Records: 1}},
}

func TestConclude_KeepsEarlierFindings(t *testing.T) {
	for _, after := range []error{errors.New("quota exceeded"), fmt.Errorf("%w: terminated", verdict.ErrStopped)} {
		c := withAck(t, newTestCell(t))
		c.result.Epochs = []result.Epoch{{Number: 1}, {Number: 2, InitialRead: readOf(lostLast)}}
		c.conclude(after)
		assert.Equal(t, judge.Fail, c.result.Verdict)
		assert.Contains(t, c.result.Reason, "lost-tail: 1 acknowledged record")
		assert.Contains(t, c.result.Reason, after.Error())
	}
}

func TestVerdict_IsErrorIfNoWriterWasActive(t *testing.T) {
	c := withAck(t, newTestCell(t))
	c.result.Epochs = []result.Epoch{{Number: 1, DeletionRequestedAt: time.Unix(1, 0)}}
	w := c.newWriter(1)
	w.log = logOf(t, line(t, protocol.Message{Error: &protocol.OpError{Op: "writing", Cause: "no space"}}))
	assert.False(t, w.noteActivity())
	c.result.Reader = readOf(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.verdict().build()
	assert.Equal(t, judge.Error, c.result.Verdict)

	c.result.NotShown = nil
	w.log = logOf(t)
	assert.True(t, w.noteActivity())
	c.activeDeletions++
	c.verdict().build()
	assert.Equal(t, judge.Pass, c.result.Verdict)
}

func TestVerdict_IsErrorIfAWriteWasRefused(t *testing.T) {
	c := withAck(t, newTestCell(t))
	c.chaosErr = c.failures.classify(t.Context(), protocol.NewOpError("writing", syscall.ENOSPC), nil)
	require.ErrorIs(t, c.chaosErr, errRefused)
	c.result.Reader = readOf(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.verdict().build()
	assert.Equal(t, judge.Error, c.result.Verdict, "the chaos was not carried out")
	assert.Contains(t, c.result.Reason, "no space left on device")
	assert.Contains(t, c.result.Reason, "All 10 acknowledged records are intact")

	c.result.Findings, c.result.Reader = nil, readOf(lostLast)
	c.verdict().build()
	assert.Equal(t, judge.Fail, c.result.Verdict, "a loss still counts")
}

func TestVerdict_LimitsOfAReaderOnTheWritersNode(t *testing.T) {
	c := withAck(t, newTestCell(t))
	c.result.Epochs, c.result.Reader = []result.Epoch{{Number: 1}}, readOf(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.verdict().build()
	require.NotEmpty(t, c.result.NotShown)
	assert.Contains(t, c.result.NotShown[0], "may have read the page cache")

	c.result.NotShown = nil
	c.result.Provenance.Restarted = &provenance.Observation{Answer: provenance.Yes}
	c.verdict().build()
	require.NotEmpty(t, c.result.NotShown)
	assert.NotContains(t, c.result.NotShown[0], "page cache")
	assert.Contains(t, c.result.NotShown[0], "another machine")
}

func TestVerdict_IsErrorWithoutAReader(t *testing.T) {
	c := withAck(t, newTestCell(t))
	c.verdict().build()
	assert.Equal(t, judge.Error, c.result.Verdict)
}

func readOf(j judge.Judgement) *result.JournalRead { return &result.JournalRead{Judgement: j} }

func TestVerdict(t *testing.T) {
	lost := judge.Judgement{Acknowledged: 10, Findings: []judge.Finding{{Class: judge.LostTail, Records: 1}}}
	good := judge.Judgement{Acknowledged: 10, Intact: 10}

	t.Run("everything was intact", func(t *testing.T) {
		c := withAck(t, newTestCell(t))
		c.result.Reader = readOf(good)
		c.verdict().build()
		assert.Equal(t, judge.Pass, c.result.Verdict)
	})
	t.Run("the reader found a loss", func(t *testing.T) {
		c := withAck(t, newTestCell(t))
		c.result.Reader = readOf(lost)
		c.verdict().build()
		assert.Equal(t, judge.Fail, c.result.Verdict)
	})
	t.Run("an earlier pod found a loss that the reader did not", func(t *testing.T) {
		c := withAck(t, newTestCell(t))
		c.result.Epochs = []result.Epoch{{InitialRead: readOf(lost)}}
		c.result.Reader = readOf(good)
		c.verdict().build()
		assert.Equal(t, judge.Fail, c.result.Verdict)
	})
	t.Run("the volume failed the reader", func(t *testing.T) {
		c := withAck(t, newTestCell(t))
		c.failures.Findings = []judge.Finding{{Class: judge.Unavailable}}
		c.verdict().build()
		assert.Equal(t, judge.Fail, c.result.Verdict)
	})
	t.Run("no record was acknowledged", func(t *testing.T) {
		c := newTestCell(t)
		c.result.Reader = readOf(judge.Judgement{})
		c.verdict().build()
		assert.Equal(t, judge.Error, c.result.Verdict)
	})
}

func TestConclude(t *testing.T) {
	c := newTestCell(t)
	c.conclude(fmt.Errorf("before the chaos: %w", errors.New("no such class")))
	assert.Equal(t, judge.Error, c.result.Verdict)
	assert.Equal(t, "before the chaos: no such class", c.result.Reason)

	c = newTestCell(t)
	c.conclude(fmt.Errorf("%w: terminated", verdict.ErrStopped))
	assert.Equal(t, judge.Stopped, c.result.Verdict)

	c = newTestCell(t)
	c.failures.Findings = []judge.Finding{{Class: judge.Unavailable}}
	c.verdict().build()
	c.conclude(errors.New("a probe could not run"))
	assert.Equal(t, judge.Fail, c.result.Verdict, "a later error does not hide a finding")
}

func TestConclude_SkipsWhatTheClusterDoesNotSupport(t *testing.T) {
	c := newTestCell(t)
	unsupported := &kube.UnsupportedError{Object: "claim stig/stig-pvc", Message: "code = InvalidArgument"}
	c.conclude(fmt.Errorf("before the chaos: %w", unsupported))
	assert.Equal(t, judge.Skipped, c.result.Verdict)
	overall, reason := aggregate(result.Result{Cells: []result.Cell{*c.result}}, nil)
	assert.Equal(t, judge.Error, overall, "no other cell was tested")
	assert.Contains(t, reason, "InvalidArgument")
}

func TestConclude_DoesNotSkipAWriterThatCannotComeBack(t *testing.T) {
	bound := &kube.UnsupportedError{Object: "pod stig/write-pod", Message: "didn't match PersistentVolume's node affinity"}
	for name, f := range map[string]struct {
		err    error
		reader options.ReaderNode
		want   judge.Verdict
	}{
		"the writer":               {bound, options.OtherNode, judge.Error},
		"the reader, on any node":  {fmt.Errorf("%w: %w", errReader, bound), options.AnyNode, judge.Error},
		"the reader, on the other": {fmt.Errorf("%w: %w", errReader, bound), options.OtherNode, judge.Skipped},
	} {
		c := withAck(t, newTestCell(t))
		c.result.Spec.ReaderNode = f.reader
		c.result.Epochs = []result.Epoch{{Number: 1, Pod: result.Pod{Node: "n1"}}}
		c.conclude(f.err)
		assert.Equal(t, f.want, c.result.Verdict, name)
	}
}

func TestVerdict_IsErrorBelowTheRequiredEvidenceLevel(t *testing.T) {
	c := withAck(t, newTestCell(t))
	c.run.Options.RequiredEvidence = provenance.Remounted
	c.result.Provenance = provenance.Provenance{
		Level: provenance.Uncached, NotReachedReason: "the unmount was not observed",
	}
	c.result.Reader = readOf(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.verdict().build()
	assert.Equal(t, judge.Error, c.result.Verdict)
	assert.Contains(t, c.result.Reason, "uncached, but REQUIRED_EVIDENCE is remounted")
	assert.Contains(t, c.result.Reason, "the unmount was not observed")
	c.result.Provenance.Level = provenance.Reattached
	c.verdict().build()
	assert.Equal(t, judge.Pass, c.result.Verdict)
}

func TestVerdict_IncludesTheSTIGCheck(t *testing.T) {
	readWith := func(records uint64) *result.JournalRead {
		return &result.JournalRead{
			ScanResult: protocol.ScanResult{ScanReport: journal.ScanReport{Records: records}},
			Judgement:  judge.Judgement{Acknowledged: 10},
		}
	}
	c := withAck(t, newTestCell(t))
	c.result.Reader = readWith(10)
	c.verdict().build()
	assert.Contains(t, c.result.Reason, "V-260932: log data is present")
	assert.NotContains(t, c.result.Reason, STIGFix)

	c = withAck(t, newTestCell(t))
	c.result.Reader = readWith(0)
	c.result.Reader.Judgement.Findings = []judge.Finding{{Class: judge.Missing}}
	c.verdict().build()
	assert.Contains(t, c.result.Reason, "V-260932: there is no log data, this is a finding. "+STIGFix)

	c = withAck(t, newTestCell(t))
	c.run.Options.Namespace = "elsewhere"
	c.result.Reader = readWith(10)
	c.verdict().build()
	assert.NotContains(t, c.result.Reason, "V-260932")
}
