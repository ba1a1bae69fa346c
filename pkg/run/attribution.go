package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

var (
	// errLetDown says that the volume failed the writer or the reader: a finding, not a failure of ours.
	errLetDown = errors.New("the volume let the pod down")
	// errRefused says that a writer could not go on, and that no promise is broken by
	// that: the volume is full, for example.
	errRefused = errors.New("the volume refuses a writer")
)

// blame decides whose failure it is that a pod could not do its work. Before
// the first acknowledgement nothing was promised, so nothing can be broken. The
// pod's hearing is nil where the pod never came to say anything.
func (c *cell) blame(ctx context.Context, err error, h *hearing) error {
	return c.blameFor(ctx, classOf(err, h), err)
}

// blameFor is the same where it is known what the failure is, if it is the volume's.
func (c *cell) blameFor(ctx context.Context, class judge.Class, err error) error {
	var problem protocol.OpError
	said := errors.As(err, &problem)
	switch {
	case ctx.Err() != nil || len(c.ledger.Acks()) == 0:
		return err
	case said && (class == "" || isOneCalls(problem)):
		return fmt.Errorf("%w: %w", errRefused, err)
	case class == "":
		return err
	}
	c.isLetDown(class, err)
	c.Log.WithError(err).Warn("The volume let the pod down")
	return fmt.Errorf("%w: %w", errLetDown, err)
}

// classOf is the class of finding that an error is, or none. That something took
// too long is the volume's failure only where a pod said that it waits for the
// volume, or Kubernetes that the pod does: the API server, the network and a large
// journal take their time too.
func classOf(err error, h *hearing) judge.Class {
	var unready *kube.PodNotRunningError
	var problem protocol.OpError
	switch {
	case errors.As(err, &unready):
		if unready.VolumeUnavailable {
			return judge.Unavailable
		}
	case errors.As(err, &problem):
		return judge.ClassOf(problem)
	case errors.Is(err, context.DeadlineExceeded) && h != nil && h.inVain():
		return judge.Unavailable
	}
	return ""
}

// isOneCalls says whether a problem is an error of one call that wrote. It breaks no
// promise: what it concerns was never acknowledged, and what was may well be there.
func isOneCalls(p protocol.OpError) bool { return p.Writing && errors.Is(p, syscall.EIO) }

// held decides whose failure it is that the writer does not go away. One that
// said that it waits for the volume can be neither ended nor replaced.
func (c *cell) held(ctx context.Context, err error) error {
	stall := (*protocol.Stall)(nil)
	if c.writer.hearing != nil {
		stall = c.writer.stalled()
	}
	if stall == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	c.stuck = c.blameFor(ctx, judge.Unavailable, fmt.Errorf("pod %s cannot end: %s: %w", c.writer.pod.Name, stall, err))
	return c.stuck
}

// endedItself takes note of a writer that had ended before it was deleted.
func (c *cell) endedItself(epoch *result.Epoch, problem *protocol.OpError) {
	epoch.ExitError = problem
	c.Log.WithError(problem).WithField("epoch", epoch.Number).Warn("The writer had ended by itself")
	if class := judge.ClassOf(problem); class != "" && !isOneCalls(*problem) {
		c.isLetDown(class, problem)
	}
}

// isLetDown adds a finding that no look at the journal can make; one of a class.
func (c *cell) isLetDown(class judge.Class, err error) {
	if !slices.ContainsFunc(c.letDown, func(f judge.Finding) bool { return f.Class == class }) {
		c.letDown = append(c.letDown, judge.Finding{Class: class, Detail: err.Error()})
	}
}
