package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// writer is the writer of one epoch: its pod, and the log of that pod.
type writer struct {
	run      Run
	cell     *result.Cell
	ledger   *ledger.Ledger
	specs    specs
	failures *attribution
	logs     *podLogs

	epoch int
	pod   *corev1.Pod
	log   *podLog // nil if the container never ran
}

// record returns the epoch's part of the result.
func (w *writer) record() *result.Epoch { return &w.cell.Epochs[w.epoch-1] }

// start creates the pod and returns once one of its commits is acknowledged.
func (w *writer) start(ctx context.Context) error {
	acks := w.ledger.Acks()
	spec := w.specs.writer(w.epoch, acks)
	var err error
	if spec.Placement, err = w.run.writerPlacement(ctx, w.cell.Spec); err != nil {
		return err
	}
	pod, err := w.run.Kube.RunPod(ctx, w.run.Kube.NewPod(spec))
	w.pod = pod
	if pod != nil {
		w.record().Pod = podResult(pod)
	}
	if err != nil {
		return w.failures.classify(ctx, err, nil)
	}
	w.run.Hooks.WaitingFor(w.cell.Spec, "running, no acknowledgement yet", "")
	w.log = w.logs.follow(pod)
	return w.awaitFirstAck(ctx, acks)
}

// awaitFirstAck returns once a commit of the epoch is acknowledged. acks are those of the earlier epochs.
func (w *writer) awaitFirstAck(ctx context.Context, acks []ledger.Ack) error {
	epoch, timeout := w.record(), w.run.Options.StatusTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf(
		"timed out after %s waiting for the first acknowledgement of epoch %d: %w",
		timeout, w.epoch, context.DeadlineExceeded))
	defer cancel()
	err := w.log.AwaitAck(waiting)
	if scan := w.log.TakeScan(); scan != nil {
		epoch.Mount, epoch.BootID, epoch.Kernel = scan.Mount, scan.BootID, scan.Kernel
		if w.epoch > 1 {
			epoch.InitialRead = judgeScan(w.cell, epoch.Pod, *scan, acks, w.epoch-1)
		}
	}
	if err != nil {
		err = fmt.Errorf("%s, the writer of epoch %d: %w%s", w.pod.Name, w.epoch, err, w.specs.advice(err))
		return w.failures.classify(ctx, err, w.log)
	}
	epoch.FirstAckAt = time.Now().UTC()
	if unreadable := w.log.unreadableBeforeAck().Round(time.Second); unreadable > 0 {
		verdict.AddNotes(w.cell, fmt.Sprintf("the recovery time of epoch %d may include %s in which the log of its writer "+
			"could not be read", w.epoch, unreadable))
	}
	return nil
}

// maxLogDelay is how long a line may take from a pod to the ledger.
const maxLogDelay = 5 * time.Second

// noteActivity reports whether the writer is still writing, and notes in the result if it had already ended or
// printed nothing for long.
func (w *writer) noteActivity() bool {
	if w.log == nil {
		return false
	}
	if errors.Is(w.log.Err(), errNoCause) {
		verdict.AddNotes(w.cell, fmt.Sprintf(
			"something other than this run deleted the writer of epoch %d", w.epoch))
	}
	if w.log.Err() != nil {
		return false
	}
	// A writer prints a line for every commit. At a low rate that is seldom.
	longest := 2 * maxLogDelay
	if rate := w.run.Options.WriteRate; rate > 0 {
		longest += time.Duration(float64(time.Second) / rate)
	}
	if silence := w.log.Silence(); silence > longest {
		verdict.AddNotes(w.cell, fmt.Sprintf("the experiment received no message from the writer of epoch %d in the %s "+
			"before its deletion: acknowledgements of that time may be missing from the ledger, and their records are then "+
			"not checked%s", w.epoch, silence.Round(time.Second), unreadableNote(w.log)))
	}
	return true
}

// deletePod deletes the pod and returns once it is gone.
func (w *writer) deletePod(ctx context.Context) error {
	epoch, grace := w.record(), w.specs.gracePeriod()
	w.run.Hooks.BeforeDeletion(w.cell.Spec, epoch.Pod)
	epoch.AckedAtDeletion = w.ledger.Records()
	epoch.GracePeriodSeconds = w.specs.appliedGracePeriod(w.pod)
	epoch.DeletionRequestedAt = time.Now().UTC()
	if err := w.run.Kube.DeletePod(ctx, w.pod.Name, w.pod.UID, grace); err != nil {
		return w.failures.classifyDeletion(ctx, w.pod.Name, err, w.log)
	}
	epoch.DeletedAt = time.Now().UTC()
	w.run.Hooks.WaitingFor(w.cell.Spec, "deleted", "")
	return nil
}

// finish reads the log of a deleted pod to its end. The error is one that makes the ledger unreliable, or a failure
// of the volume.
func (w *writer) finish(ctx context.Context) error {
	if w.log == nil {
		return nil
	}
	acknowledged := ledger.CountRecords(w.cell.Acks)
	w.run.Log.WithFields(logrus.Fields{"epoch": w.epoch, "acknowledged": acknowledged}).Info("Writer deleted")
	if err := w.drainLog(ctx); err != nil {
		return err
	}
	if err := w.log.unreadableErr(); err != nil {
		verdict.AddNotes(w.cell, fmt.Sprintf("the log of the writer of epoch %d could not be read to its end: %v: records "+
			"acknowledged after its last message are not checked", w.epoch, err))
	}
	if opErr := w.log.OpError(); opErr != nil && !w.record().FirstAckAt.IsZero() {
		w.record().ExitError, w.record().ExitedAt = opErr, w.log.FailedAt()
		w.failures.addExit(w.epoch, opErr)
	}
	return w.log.Conflict()
}

// drainLog returns once the log was read to its end. After a forced deletion the container may still exist, and may
// never end.
func (w *writer) drainLog(ctx context.Context) error {
	timeout := w.run.Options.StatusTimeout
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case <-w.log.returned:
		return nil
	case <-waiting.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer func() {
		w.log.stop()
		<-w.log.returned
	}()
	// The stall must be read before the log is closed, which marks it as unreadable.
	if stall := w.log.Stall(); stall != nil {
		err := fmt.Errorf("the container of epoch %d has not ended after the forced deletion of its pod: %s: %w",
			w.epoch, stall, context.DeadlineExceeded)
		return w.failures.classifyAs(ctx, judge.Unavailable, err)
	}
	verdict.AddNotes(w.cell, fmt.Sprintf(
		"the log of the writer of epoch %d did not end within %s after its pod was gone%s",
		w.epoch, timeout, unreadableNote(w.log)))
	return nil
}

// unreadableNote returns why a log cannot be read, as the end of a note; empty if it can be read.
func unreadableNote(log *podLog) string {
	if err := log.unreadableErr(); err != nil {
		return fmt.Sprintf(" (%v)", err)
	}
	return ""
}

func podResult(pod *corev1.Pod) result.Pod {
	p := result.Pod{Name: pod.Name, UID: pod.UID, Node: pod.Spec.NodeName}
	if status := kube.ContainerStatus(pod); status != nil {
		p.ImageID = status.ImageID
	}
	return p
}
