package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

var (
	// errVolumeFailed marks a failure that the volume caused. It is a finding.
	errVolumeFailed = errors.New("the volume failed")
	// errRefused marks a failed write that lost no acknowledged record: the volume is full, for example.
	errRefused = errors.New("the volume refused an operation")
)

// attribution decides which failures of a cell's pods the volume caused, and keeps them as findings. A volume that
// cannot be mounted, read or written shows in no scan of the journal.
type attribution struct {
	ledger   *ledger.Ledger
	log      logrus.FieldLogger
	findings []judge.Finding
}

// classify returns the error of a pod, marked with errVolumeFailed or errRefused if it is one of these. Before
// the first acknowledgement it is neither, because no data can be lost yet. The pod's log is nil if its container
// never ran.
func (a *attribution) classify(ctx context.Context, err error, log *podLog) error {
	return a.classifyAs(ctx, classOf(err, log), err)
}

// classifyAs does the same with the class of finding that the error is, if the volume caused it.
func (a *attribution) classifyAs(ctx context.Context, class judge.Class, err error) error {
	var opErr protocol.OpError
	isOpError := errors.As(err, &opErr)
	switch {
	case ctx.Err() != nil || len(a.ledger.Acks()) == 0:
		return err
	case isOpError && (class == "" || isFailedWrite(opErr)):
		return fmt.Errorf("%w: %w", errRefused, err)
	case class == "":
		return err
	}
	a.add(class, err)
	a.log.WithError(err).Warn("The volume failed")
	return fmt.Errorf("%w: %w", errVolumeFailed, err)
}

// classifyDeletion does the same for a pod that is not gone in time. The volume is the cause if the helper in it
// waits for the volume: such a process cannot be killed.
func (a *attribution) classifyDeletion(ctx context.Context, pod string, err error, log *podLog) error {
	if log == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	stall := log.currentStall()
	if stall == nil {
		return err
	}
	return a.classifyAs(ctx, judge.Unavailable, fmt.Errorf("pod %s cannot be deleted: %s: %w", pod, stall, err))
}

// addExit adds the error with which a writer exited before it was deleted, if the volume caused it.
func (a *attribution) addExit(epoch int, opErr *protocol.OpError) {
	a.log.WithError(opErr).WithField("epoch", epoch).Warn("The writer exited before it was deleted")
	if class := judge.ClassOfError(opErr); class != "" && !isFailedWrite(*opErr) {
		a.add(class, opErr)
	}
}

// add adds a finding, at most one of a class.
func (a *attribution) add(class judge.Class, err error) {
	if !slices.ContainsFunc(a.findings, func(f judge.Finding) bool { return f.Class == class }) {
		a.findings = append(a.findings, judge.Finding{Class: class, Detail: err.Error()})
	}
}

// classOf returns the class of finding that an error is, or none. The API server, the network and a large journal
// take their time too: a timeout is the volume's failure only if the helper, or Kubernetes, reports that the pod
// waits for the volume.
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
	case errors.Is(err, context.DeadlineExceeded) && log != nil && log.isHanging():
		return judge.Unavailable
	}
	return ""
}

// adviceBegins is how the advice in an error begins.
const adviceBegins = "What to do: "

// advice returns what to do about an error of a pod of the cell, as the end of a sentence; empty if there is no advice.
func (s specs) advice(err error) string {
	var opErr protocol.OpError
	if s.isBlock() && errors.As(err, &opErr) && errors.Is(opErr, fs.ErrPermission) {
		return ". " + adviceBegins + kube.DeviceOwnershipAdvice
	}
	if strings.Contains(err.Error(), adviceBegins) {
		return "" // the error has its own
	}
	return kube.Hint(err.Error())
}

// isFailedWrite reports whether an error is that of a single write. The records of that write were never
// acknowledged, and the earlier ones may still be there.
func isFailedWrite(e protocol.OpError) bool { return e.Writing && errors.Is(e, syscall.EIO) }
