package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestClassify(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 5}})
	back := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 7, Ended: true}})
	timeout := fmt.Errorf("timed out: %w", context.DeadlineExceeded)
	apiTimeout := fmt.Errorf("creating pod: %w", errors.Join(context.DeadlineExceeded, syscall.ETIMEDOUT))
	mountTimeout := &kube.PodNotRunningError{VolumeUnavailable: true, Err: context.DeadlineExceeded}
	startTimeout := &kube.PodNotRunningError{VolumeUnavailable: false, Err: context.DeadlineExceeded}
	write := protocol.NewOpError("writing", syscall.EIO)
	write.Writing = true
	for name, f := range map[string]struct {
		err  error
		log  []string
		want judge.Class
	}{
		"read-only":          {protocol.NewOpError("opening", syscall.EROFS), nil, judge.ReadOnly},
		"a read failed":      {protocol.NewOpError("reading", syscall.EIO), nil, judge.Unavailable},
		"the volume is gone": {protocol.NewOpError("opening", syscall.ENOTCONN), nil, judge.Unavailable},
		"the volume is full": {protocol.NewOpError("writing", syscall.ENOSPC), nil, ""},
		"a write failed":     {write, nil, ""},
		"a timeout while the pod waits for the volume": {timeout, []string{stalled}, judge.Unavailable},
		"a timeout after the volume had answered":      {timeout, []string{stalled, back}, ""},
		"a timeout for an unknown reason":              {timeout, nil, ""},
		"a timeout of the API server":                  {apiTimeout, nil, ""},
		"the volume was not mounted":                   {mountTimeout, nil, judge.Unavailable},
		"the pod did not start":                        {startTimeout, nil, ""},
		"the pod gave no reason":                       {errNoCause, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := withAck(t, newTestCell(t))
			err := c.failures.classify(t.Context(), f.err, logOf(t, f.log...))
			require.ErrorIs(t, err, f.err)
			if f.want == "" {
				assert.NotErrorIs(t, err, errVolumeFailed, "the volume did not cause it")
				assert.Empty(t, c.failures.Findings)
				return
			}
			assert.ErrorIs(t, err, errVolumeFailed)
			assert.Equal(t, f.want, c.failures.Findings[0].Class)
		})
	}
}

// If the log cannot be read, the API server or a kubelet is unavailable. That the volume was slow before proves
// nothing.
func TestClassify_NotTheVolumesFailureIfTheLogIsUnreadable(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}})
	timeout := fmt.Errorf("timed out after 20s waiting for the API server: %w", context.DeadlineExceeded)
	c := withAck(t, newTestCell(t))
	log := logOf(t, stalled)
	log.setReadable(false)
	assert.NotErrorIs(t, c.failures.classifyDeletion(t.Context(), "write-pod", timeout, log), errVolumeFailed)
	assert.NotErrorIs(t, c.failures.classify(t.Context(), timeout, log), errVolumeFailed)
	assert.Empty(t, c.failures.Findings)
	log.setReadable(true)
	err := c.failures.classify(t.Context(), timeout, log)
	assert.ErrorIs(t, err, errVolumeFailed, "the log can be read again, and the call has not returned")
}

// A call that takes no longer than one that returned is slow, and loses no data.
func TestClassify_ASlowVolumeHasNotFailed(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 5}})
	back := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 7, Ended: true}})
	timeout := fmt.Errorf("timed out after 300s waiting for the journal to be read: %w", context.DeadlineExceeded)
	synctest.Test(t, func(t *testing.T) {
		c := withAck(t, newTestCell(t))
		log := logOf(t, stalled, back, stalled)
		err := c.failures.classify(t.Context(), timeout, log)
		assert.NotErrorIs(t, err, errVolumeFailed, "a call took longer before, and returned")
		<-time.After(time.Minute)
		err = c.failures.classify(t.Context(), timeout, log)
		assert.ErrorIs(t, err, errVolumeFailed, "no call that returned took that long")
	})
}

// A container runtime leaves a raw block device to root by default. That is not the storage's failure.
func TestClassify_ADeviceOfAnotherUserIsNoFinding(t *testing.T) {
	denied := protocol.NewOpError("opening /data/logs.log for reading", &fs.PathError{
		Op: "open", Path: "/data/logs.log", Err: syscall.EACCES,
	})
	for _, withAcks := range []bool{false, true} {
		c := newTestCell(t)
		c.result.Spec.VolumeMode = corev1.PersistentVolumeBlock
		if withAcks {
			withAck(t, c)
		}
		err := c.failures.classify(t.Context(), fmt.Errorf("reader: %w%s", denied, c.specs.advice(denied)), nil)
		assert.NotErrorIs(t, err, errVolumeFailed)
		assert.Empty(t, c.failures.Findings)
		for _, want := range []string{"device_ownership_from_security_context", "containerd", "CRI-O", "GROUPS"} {
			assert.ErrorContains(t, err, want)
		}
	}
}

func TestAdvice_DeviceOwnershipIsOnlyForDevices(t *testing.T) {
	denied := protocol.NewOpError("creating /data/logs.log", syscall.EACCES)
	file := newTestCell(t)
	assert.NotContains(t, file.specs.advice(denied), "device_ownership")
	device := newTestCell(t)
	device.result.Spec.VolumeMode = corev1.PersistentVolumeBlock
	full := protocol.NewOpError("writing /data/logs.log", syscall.ENOSPC)
	assert.Contains(t, device.specs.advice(full), "CLAIM_SIZE")
}

func TestAddExit_NotesAWriterThatEndedByItself(t *testing.T) {
	for _, f := range []struct {
		errno syscall.Errno
		want  []judge.Finding
	}{
		{syscall.EIO, nil},
		{syscall.ENOSPC, nil},
		{syscall.ENOTCONN, nil},
		{syscall.EROFS, []judge.Finding{{Class: judge.ReadOnly, Detail: "writing: read-only file system"}}},
		{syscall.ESTALE, []judge.Finding{{Class: judge.Unavailable, Detail: "writing: " + syscall.ESTALE.Error()}}},
	} {
		c := withAck(t, newTestCell(t))
		c.result.Epochs = []result.Epoch{{Number: 1}}
		opErr := protocol.NewOpError("writing", f.errno)
		opErr.Writing = true
		c.result.Epochs[0].ExitError = &opErr
		c.failures.addExit(1, &opErr)
		c.result.Reader = readOf(judge.Judgement{Acknowledged: 10, Intact: 10})
		c.verdict().build()
		assert.Equal(t, f.want, c.result.Findings)
		note := "Note: writer 1 exited before it was deleted: writing: " + f.errno.Error()
		assert.Contains(t, c.result.Reason, note)
	}
}

func TestClassifyDeletion_IsTheVolumesFailureIfThePodWaitsForIt(t *testing.T) {
	timeout := fmt.Errorf("timed out after 20s waiting for pod stig/write-pod to be deleted: %w", context.DeadlineExceeded)
	classify := func(err error, lines ...string) error {
		c := withAck(t, newTestCell(t))
		return c.failures.classifyDeletion(t.Context(), "write-pod", err, logOf(t, lines...))
	}
	stall := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}})
	ack := line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 11}}})

	assert.ErrorIs(t, classify(timeout, stall), errVolumeFailed)
	assert.NotErrorIs(t, classify(timeout), errVolumeFailed, "why it does not end is unknown")
	assert.NotErrorIs(t, classify(timeout, stall, ack), errVolumeFailed, "the volume had answered again")
	assert.NotErrorIs(t, classify(errors.New("forbidden"), stall), errVolumeFailed)
}

func TestClassify_NotTheVolumesFailureBeforeAnAcknowledgement(t *testing.T) {
	c := newTestCell(t)
	err := c.failures.classify(t.Context(), protocol.NewOpError("opening", syscall.EROFS), nil)
	assert.NotErrorIs(t, err, errVolumeFailed)
	assert.Empty(t, c.failures.Findings)
}

func TestClassify_NotTheVolumesFailureIfTheRunWasStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := withAck(t, newTestCell(t)).failures.classify(ctx, context.DeadlineExceeded, nil)
	assert.NotErrorIs(t, err, errVolumeFailed)
}
