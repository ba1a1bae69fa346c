package run

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/transcript"
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
	return logInto(t, &ledger.Ledger{}, lines...)
}

// logInto does the same for a pod whose acknowledgements go to a ledger.
func logInto(t *testing.T, l *ledger.Ledger, lines ...string) *podLog {
	t.Helper()
	logger := logrus.New()
	logger.SetOutput(t.Output())
	log := &podLog{
		Transcript: transcript.New(t.Context(), l, func(ledger.Ack) {}), log: logger, unreadableFrom: time.Now(),
	}
	log.setReadable(true)
	for _, line := range lines {
		log.addLine([]byte(line))
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
		"stig/write-pod on node n1: remote error: tls: internal error. To fix this: make sure that the API server"
	assert.ErrorContains(t, log.AwaitAck(ctx), want)
	_, err := log.AwaitScan(ctx)
	assert.ErrorContains(t, err, want)

	log.handleStream(true, nil)
	assert.NotContains(t, log.AwaitAck(ctx).Error(), "tls", "the log can be read again")
}

func TestPodLog_AnEndedPodNamesWhyTheLogIsUnreadable(t *testing.T) {
	log := logOf(t)
	assert.Equal(t, errNoCause, log.errWithoutCause())
	log.handleStream(false, errors.New("remote error: tls: internal error"))
	err := log.errWithoutCause()
	assert.ErrorIs(t, err, errNoCause)
	assert.ErrorContains(t, err, "without an error message that could be read: remote error: tls: internal error")
}

func TestPodLog_TheTextOfAReportedErrorIsNotUnexpected(t *testing.T) {
	logger, hook := logtest.NewNullLogger()
	opErr := protocol.OpError{Op: "creating the folder", Cause: "permission denied"}
	log := logOf(t, line(t, protocol.Message{Error: &opErr}))
	log.log = logger
	log.addLine([]byte("durability-helper: creating the folder: permission denied"))
	assert.Empty(t, hook.AllEntries())
}

// Otherwise, a user does not know what the run waits for.
func TestPodLog_LogsThatTheJournalIsReadAgain(t *testing.T) {
	logger, hook := logtest.NewNullLogger()
	log := logOf(t)
	log.log = logger
	log.addLine([]byte(line(t, protocol.Message{Rereading: &protocol.Rereading{CacheSeconds: 60, Seconds: 61}})))
	require.NotNil(t, hook.LastEntry())
	assert.Equal(t, "the journal is read again for up to 61 s, because the mount may show an older state for up to 60 s",
		hook.LastEntry().Message)
}

func TestPodLog_AnUnexpectedLineDoesNotEndIt(t *testing.T) {
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 5}, Digest: 7}
	log := logOf(t, line(t, protocol.Message{Ack: &ack})[3:], "something else entirely")
	require.NoError(t, log.Err())
	log.addLine([]byte(line(t, protocol.Message{Ack: &ack})))
	assert.NoError(t, log.AwaitAck(t.Context()))
}

// While the log cannot be read, the call may have returned.
func TestPodLog_KnowsAStallOnlyWhileItIsReadable(t *testing.T) {
	log := logOf(t, line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}}))
	assert.NotNil(t, log.Stall())
	assert.True(t, log.Hangs())
	log.setReadable(false)
	assert.Nil(t, log.Stall())
	assert.False(t, log.Hangs())
}
