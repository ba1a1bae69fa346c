package transcript_test

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/transcript"
)

func ack(epoch int, seq uint64, digest uint32) protocol.Message {
	return protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: seq}, Digest: digest}}
}

// add gives messages to a transcript as lines.
func add(t *testing.T, to *transcript.Transcript, messages ...protocol.Message) {
	t.Helper()
	for _, m := range messages {
		var line bytes.Buffer
		require.NoError(t, protocol.Write(&line, m))
		added, err := to.Add(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
		require.NoError(t, err)
		assert.Equal(t, m, added)
	}
}

func TestTranscript_AcknowledgementsReachTheLedger(t *testing.T) {
	var l ledger.Ledger
	var seen []uint64
	tr := transcript.New(t.Context(), &l, func(a ledger.Ack) { seen = append(seen, a.Seq) })
	add(t, tr, ack(1, 3, 7), ack(1, 5, 9))
	require.NoError(t, tr.AwaitAck(t.Context()))
	assert.Equal(t, []uint64{3, 5}, seen)
	first, samples := tr.Acks()
	assert.Equal(t, uint64(3), first.Seq)
	assert.Len(t, samples, 2)
	assert.Equal(t, uint64(5), ledger.CountRecords(l.Acks()))
}

// Without this, a user does not know why the scan takes so long.
func TestTranscript_ATimeoutNamesThatTheJournalIsReadAgain(t *testing.T) {
	var l ledger.Ledger
	late, stopped := errors.New("timed out"), errors.New("interrupted")
	ended, end := context.WithDeadlineCause(t.Context(), time.Now(), late)
	defer end()
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	_, err := tr.AwaitScan(ended)
	assert.Equal(t, late, err)
	add(t, tr, protocol.Message{Rereading: &protocol.Rereading{CacheSeconds: 60, Seconds: 61}})
	for _, await := range []func(context.Context) error{
		tr.AwaitAck, func(ctx context.Context) error { _, err := tr.AwaitScan(ctx); return err },
	} {
		require.ErrorIs(t, await(ended), late)
		require.EqualError(t, await(ended), "timed out; the journal is read again for up to 61 s, because the mount may "+
			"show an older state for up to 60 s: set a longer timeout")
	}
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(stopped)
	assert.Equal(t, stopped, tr.AwaitAck(interrupted), "a longer timeout does not help")
	add(t, tr, protocol.Message{ScanResult: &protocol.ScanResult{}})
	assert.Equal(t, late, tr.AwaitAck(ended), "it is no longer read again")
}

// The helper's own error has its reason.
func TestTranscript_OnlyATimeoutNamesThatTheJournalIsReadAgain(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	failed := protocol.OpError{Op: "reading", Cause: "stale"}
	add(t, tr, protocol.Message{Rereading: &protocol.Rereading{CacheSeconds: 60, Seconds: 61}},
		protocol.Message{Error: &failed})
	_, err := tr.AwaitScan(t.Context())
	assert.Equal(t, failed, err)
}

func TestTranscript_AwaitAckReturnsAfterTheCallback(t *testing.T) {
	var l ledger.Ledger
	called, proceed := make(chan struct{}), make(chan struct{})
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) { close(called); <-proceed })
	added := make(chan struct{})
	go func() { defer close(added); add(t, tr, ack(1, 1, 1)) }()
	<-called
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, tr.AwaitAck(canceled), context.Canceled)
	close(proceed)
	<-added
	assert.NoError(t, tr.AwaitAck(canceled), "the acknowledgement counts")
}

// A log that is read again after its stream broke repeats its last lines.
func TestTranscript_SamplesARepeatedAcknowledgementOnce(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	for _, seq := range []uint64{1, 2, 5, 2, 5, 6} { // read again after 5
		add(t, tr, ack(1, seq, 0))
	}
	_, samples := tr.Acks()
	var sampled []uint64
	for _, s := range samples {
		sampled = append(sampled, s.Seq)
	}
	assert.Equal(t, []uint64{1, 2, 5, 6}, sampled)
}

func TestTranscript_ContradictionEndsIt(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	require.NoError(t, l.Add(*ack(1, 3, 7).Ack))
	add(t, tr, ack(1, 3, 8))
	require.Error(t, tr.Conflict())
	assert.ErrorIs(t, tr.Err(), tr.Conflict())
	assert.ErrorContains(t, tr.AwaitAck(t.Context()), "contradict")
}

func TestTranscript_ErrorOfTheHelperIsTheReason(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	assert.Nil(t, tr.OpError())
	add(t, tr, protocol.Message{Error: &protocol.OpError{Op: "writing /data/logs.log", Cause: "no space left on device"}})
	tr.End(nil)
	require.NotNil(t, tr.OpError())
	assert.ErrorContains(t, tr.AwaitAck(t.Context()), "no space left on device")
	_, err := tr.AwaitScan(t.Context())
	assert.ErrorContains(t, err, "no space left on device")
}

func TestTranscript_EndWithoutAnErrorIsSilent(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	tr.End(nil)
	_, err := tr.AwaitScan(t.Context())
	assert.ErrorIs(t, err, transcript.ErrSilent)
}

func TestTranscript_ScanResultCountsAfterTheEnd(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	add(t, tr, protocol.Message{ScanResult: &protocol.ScanResult{BootID: "a"}})
	tr.End(nil)
	scan, err := tr.AwaitScan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a", scan.BootID)
}

func TestTranscript_StallIsKnownUntilItEnds(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	add(t, tr, protocol.Message{Stall: &protocol.Stall{Op: "writing", Seconds: 5}})
	assert.NotNil(t, tr.Stall())
	assert.True(t, tr.Hangs())
	add(t, tr, protocol.Message{Stall: &protocol.Stall{Op: "writing", Seconds: 3600, Ended: true}})
	assert.Nil(t, tr.Stall())
	add(t, tr, protocol.Message{Stall: &protocol.Stall{Op: "writing", Seconds: 5}})
	assert.False(t, tr.Hangs(), "a call took longer before")
}

func TestTranscript_NoMessageIsAnError(t *testing.T) {
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	_, err := tr.Add([]byte("panic: out of memory"))
	assert.Error(t, err)
	assert.NoError(t, tr.Err(), "it has not ended")
}

// A log that is read again after its stream broke repeats its last lines.
func TestTranscript_KeepsWhenTheErrorArrivedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger.Ledger
		tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
		failed := protocol.NewOpError("writing", syscall.ENOTCONN)
		add(t, tr, ack(1, 3, 7))
		assert.Zero(t, tr.FailedAt())
		<-time.After(time.Second)
		arrived := time.Now()
		add(t, tr, protocol.Message{Error: &failed})
		<-time.After(time.Second)
		add(t, tr, protocol.Message{Error: &failed})
		assert.Equal(t, arrived.UTC(), tr.FailedAt())
	})
}

func TestTranscript_CompletesTheListsThatTheHelperOmits(t *testing.T) {
	scan := protocol.ScanResult{ScanReport: journal.ScanReport{
		Present: true, Segments: []journal.Segment{{Epoch: 1, First: 1, Last: 5}, {Epoch: 2, First: 1, Last: 7}},
	}}
	known := protocol.KnownLists{Segments: scan.Segments[:1]}
	start, err := protocol.ParseKnownStart(known.Flags()[1])
	require.NoError(t, err)
	var l ledger.Ledger
	tr := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	tr.SetKnownLists(known)
	add(t, tr, start.Message(scan))
	found, err := tr.AwaitScan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, scan, *found)

	unknowing := transcript.New(t.Context(), &l, func(ledger.Ack) {})
	var line bytes.Buffer
	require.NoError(t, protocol.Write(&line, start.Message(scan)))
	_, err = unknowing.Add(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	assert.ErrorContains(t, err, "omits 1 segments")
	assert.Nil(t, unknowing.TakeScan())
}
