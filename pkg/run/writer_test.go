package run

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestAwaitFirstAck_NotesThatTheLogWasUnreadable(t *testing.T) {
	ack := line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 1}}})
	c := withAck(t, newTestCell(t))
	c.result.Epochs = []result.Epoch{{Number: 1}, {Number: 2}}
	log := logInto(t, c.ledger)
	unreadableFor := func(d time.Duration) {
		log.setReadable(false)
		log.unreadableFrom = log.unreadableFrom.Add(-d)
		log.setReadable(true)
	}
	unreadableFor(7 * time.Second)
	log.addLine([]byte(ack))
	unreadableFor(time.Hour) // after the first acknowledgement it does not count
	w := c.newWriter(2)
	w.log, w.pod = log, &corev1.Pod{}
	require.NoError(t, w.awaitFirstAck(t.Context(), c.result.Acks))
	assert.Equal(t, []string{"the recovery time of epoch 2 may include 7s in which the log of its writer could not " +
		"be read"}, c.result.Notes)
}

func TestDrainLog_EndsIfTheContainerOutlivesItsPod(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}})
	back := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 3600, Ended: true}})
	for _, lines := range [][]string{{stalled}, {stalled, back, stalled}, nil} {
		c := withAck(t, newTestCell(t))
		c.run.Options.StatusTimeout = time.Nanosecond
		log := logOf(t, lines...)
		log.returned = make(chan struct{})
		log.stop = func() {
			log.setReadable(false)
			close(log.returned)
		}
		w := c.newWriter(1)
		w.log = log
		err := w.drainLog(t.Context())
		if lines != nil {
			assert.ErrorIs(t, err, errVolumeFailed)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, c.result.Notes, 1)
	}
}

func TestFinish_NotesThatTheEndOfTheLogWasUnreadable(t *testing.T) {
	c := withAck(t, newTestCell(t))
	c.result.Epochs = []result.Epoch{{Number: 1}}
	log := logOf(t)
	log.returned = make(chan struct{})
	close(log.returned)
	w := c.newWriter(1)
	w.log = log
	require.NoError(t, w.finish(t.Context()))
	assert.Empty(t, c.result.Notes)
	log.handleStream(false, errors.New("remote error: tls: internal error"))
	require.NoError(t, w.finish(t.Context()))
	assert.Equal(t, []string{"the log of the writer of epoch 1 could not be read to its end: remote error: tls: " +
		"internal error: records acknowledged after its last message are not checked"}, c.result.Notes)
}

func TestNoteActivity_NotesALongSilence(t *testing.T) {
	for rate, silence := range map[float64]time.Duration{
		100: 11 * time.Second, 0: 11 * time.Second, 0.01: 111 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := withAck(t, newTestCell(t))
			c.run.Options.WriteRate = rate
			w := c.newWriter(1)
			w.log = logOf(t)
			<-time.After(silence)
			assert.True(t, w.noteActivity())
			require.Len(t, c.result.Notes, 1, rate)
			want := fmt.Sprintf("no message from the writer of epoch 1 in the %s before its deletion", silence)
			assert.Contains(t, c.result.Notes[0], want)
		})
	}
}

func TestPodResult_RecordsImageOfOwnContainer(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{Name: "linkerd-proxy", ImageID: "theirs"}, {Name: kube.ContainerName, ImageID: "ours"},
		{Name: "z", ImageID: "other"},
	}}}
	assert.Equal(t, "ours", podResult(pod).ImageID)
}
