package run

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// A kubelet does not answer before the pod has printed something. Until then there is nothing to read.
func TestPodLog_IsUnreadableOnlyAfterAFailedAttempt(t *testing.T) {
	log := logOf(t)
	log.readable, log.readFailed, log.unreadableFrom = false, false, time.Now().Add(-7*time.Second)
	log.setReadable(true)
	assert.Zero(t, log.unreadableBeforeAck())

	log.readable, log.readFailed, log.unreadableFrom = false, false, time.Now().Add(-7*time.Second)
	log.setReadable(false) // an attempt failed
	log.setReadable(true)
	assert.Equal(t, 7*time.Second, log.unreadableBeforeAck().Round(time.Second))
}

// logOf returns the log of a pod that printed the lines and still runs.
func logOf(t *testing.T, lines ...string) *podLog {
	t.Helper()
	logger := logrus.New()
	logger.SetOutput(t.Output())
	log := &podLog{
		ledger: &ledger.Ledger{}, onAck: func(ledger.Ack) {}, log: logger,
		scanned: make(chan struct{}), unreadableFrom: time.Now(),
	}
	log.ended, log.end = context.WithCancelCause(t.Context())
	log.setReadable(true)
	for _, line := range lines {
		log.handleLine([]byte(line))
	}
	return log
}

// line returns a message as the helper prints it.
func line(t *testing.T, m protocol.Message) string {
	t.Helper()
	var out lineWriter
	require.NoError(t, protocol.Write(&out, m))
	return string(out[:len(out)-1])
}

type lineWriter []byte

func (w *lineWriter) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}

func TestPodLog_ATimeoutNamesWhyTheLogIsUnreadable(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, fmt.Errorf("timed out: %w", context.DeadlineExceeded))
	defer cancel()
	unreadable := errors.New("reading the log of pod stig/write-pod on node n1: remote error: tls: internal error")
	log := logOf(t)
	log.handleStream(false, unreadable)
	const want = "timed out: context deadline exceeded; its log could not be read: reading the log of pod " +
		"stig/write-pod on node n1: remote error: tls: internal error. What to do: make sure that the API server"
	assert.ErrorContains(t, log.awaitAck(ctx, 1), want)
	_, err := log.awaitScan(ctx)
	assert.ErrorContains(t, err, want)

	log.handleStream(true, nil)
	assert.NotContains(t, log.awaitAck(ctx, 1).Error(), "tls", "the log can be read again")
}

func TestPodLog_AnEndedPodNamesWhyTheLogIsUnreadable(t *testing.T) {
	log := logOf(t)
	assert.Equal(t, errNoCause, log.errWithoutCause())
	log.handleStream(false, errors.New("remote error: tls: internal error"))
	err := log.errWithoutCause()
	assert.ErrorIs(t, err, errNoCause)
	assert.ErrorContains(t, err, "without an error message that could be read: remote error: tls: internal error")
}

func TestPodLog_SamplesARepeatedAcknowledgementOnce(t *testing.T) {
	var lines []string
	for _, seq := range []uint64{1, 2, 5, 2, 5, 6} { // the log was read again after 5
		lines = append(lines, line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 1, Seq: seq}}}))
	}
	_, acks, _ := logOf(t, lines...).statistics()
	var sampled []uint64
	for _, a := range acks {
		sampled = append(sampled, a.Seq)
	}
	assert.Equal(t, []uint64{1, 2, 5, 6}, sampled)
}

func TestPodLog_RecordsAcknowledgementsAndScanResult(t *testing.T) {
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 5}, Digest: 7}
	log := logOf(t,
		line(t, protocol.Message{ScanResult: &protocol.ScanResult{}}),
		line(t, protocol.Message{Ack: &ack}),
		line(t, protocol.Message{Ack: &ack})[3:],
		"something else entirely")
	require.NoError(t, log.awaitAck(t.Context(), 1))
	assert.Equal(t, []ledger.Ack{ack}, log.ledger.Acks())
	_, err := log.awaitScan(t.Context())
	require.NoError(t, err)
	assert.NoError(t, log.ended.Err(), "an unexpected line does not end the log")
}

func TestPodLog_AnErrorEndsTheWait(t *testing.T) {
	log := logOf(t, line(t, protocol.Message{Error: &protocol.OpError{Op: "opening", Cause: "no", Errno: syscall.EROFS}}))
	assert.ErrorIs(t, log.awaitAck(t.Context(), 1), syscall.EROFS)
	_, err := log.awaitScan(t.Context())
	assert.ErrorIs(t, err, syscall.EROFS)
}

func TestPodLog_AContradictionEndsTheWait(t *testing.T) {
	ack := func(digest uint32) string {
		return line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 5}, Digest: digest}})
	}
	log := logOf(t, ack(1), ack(2))
	assert.ErrorContains(t, log.awaitAck(t.Context(), 2), "contradict")
	assert.ErrorContains(t, log.contradictionErr(), "contradict", "a verdict cannot be based on it")
}
