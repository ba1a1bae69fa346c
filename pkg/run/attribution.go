package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

var (
	// errVolumeFailed marks a failure that the volume caused. It is a finding.
	errVolumeFailed = errors.New("the volume failed")
	// errRefused marks a failed write that lost no acknowledged record: the volume is full, for example.
	errRefused = errors.New("the volume returned an error")
)

// attribution decides which failures of a cell's pods the volume caused, and keeps them as findings. A volume that
// cannot be mounted, read or written shows in no scan of the journal.
type attribution struct {
	verdict.Failures
	log logrus.FieldLogger
}

// classify returns the error of a pod, marked with errVolumeFailed or errRefused if the volume caused it. Before the
// first acknowledgement it returns the error as it is, because no data can be lost yet. The pod's log is nil if its
// container never ran.
func (a *attribution) classify(ctx context.Context, err error, log *podLog) error {
	return a.classifyAs(ctx, classOf(err, log), err)
}

// classifyAs works like classify, for an error whose class of finding is known. class is empty if something else than
// the volume may have caused the error.
func (a *attribution) classifyAs(ctx context.Context, class judge.Class, err error) error {
	switch a.Classify(ctx, err, opErrorOf(err), class) {
	case verdict.Refusal:
		return fmt.Errorf("%w: %w", errRefused, err)
	case verdict.Failure:
		a.log.WithError(err).Warn("The volume failed")
		return fmt.Errorf("%w: %w", errVolumeFailed, err)
	default:
		return err
	}
}

// opErrorOf returns the helper's error that err wraps, nil if it wraps none.
func opErrorOf(err error) *protocol.OpError {
	var opErr protocol.OpError
	if errors.As(err, &opErr) {
		return &opErr
	}
	return nil
}

// classifyDeletion works like classify, for a pod whose deletion timed out. The volume is the cause if the helper in
// the pod waits for the volume, because such a process cannot be killed.
func (a *attribution) classifyDeletion(ctx context.Context, pod string, err error, log *podLog) error {
	if log == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	stall := log.Stall()
	if stall == nil {
		return err
	}
	return a.classifyAs(ctx, judge.Unavailable, fmt.Errorf("pod %s cannot be deleted: %s: %w", pod, stall, err))
}

// addExit adds the error with which a writer exited before it was deleted, if the volume caused it.
func (a *attribution) addExit(epoch int, opErr *protocol.OpError) {
	a.log.WithError(opErr).WithField("epoch", epoch).Warn("The writer exited before it was deleted")
	if class := judge.ClassOfError(opErr); verdict.MeaningOf(opErr, class) == verdict.Failure {
		a.Add(class, opErr)
	}
}

// classOf returns the class of finding of an error, "" if something else than the volume may have caused it. The API
// server, the network or a large journal may also cause a timeout. It is the volume's failure only if the helper, or
// Kubernetes, reports that the pod waits for the volume.
func classOf(err error, log *podLog) judge.Class {
	var unready *kube.PodNotRunningError
	var opErr protocol.OpError
	switch {
	case errors.As(err, &unready):
		if unready.VolumeUnavailable {
			return judge.Unavailable
		}
	case errors.As(err, &opErr):
		return judge.ClassOfError(opErr)
	case errors.Is(err, context.DeadlineExceeded) && log != nil && log.Hangs():
		return judge.Unavailable
	}
	return ""
}
