package run

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A stopped run has the grace period of its pod, 30 seconds by default. CleanupTimeout, BundleTimeout and the time for
// the ChaosResult must fit into it.
const (
	// CleanupTimeout is the time to remove what the run created and to record its objects and events.
	CleanupTimeout = 20 * time.Second
	// BundleTimeout is the time to store the evidence bundle in the cluster.
	BundleTimeout = 5 * time.Second
	// chaosResultTime is left for the ChaosResult. Nothing enforces it: the ChaosResult is retried until the pod is
	// killed, because a run without one starts again.
	chaosResultTime = 4 * time.Second

	// gracePeriod is the grace period of a pod that sets none. The engine in charts sets a longer one.
	gracePeriod = corev1.DefaultTerminationGracePeriodSeconds * time.Second
)

// WithCleanupTimeout returns a context that outlives ctx by the timeout. It is for work that must also be done
// after the run was stopped.
func WithCleanupTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	cleanup, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stopWatching := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(timeout, func() {
			cancel(fmt.Errorf("the cleanup timed out %s after the run was stopped", timeout))
		})
		context.AfterFunc(cleanup, func() { timer.Stop() })
	})
	return cleanup, func() {
		stopWatching()
		cancel(context.Canceled)
	}
}

// withRemovalTimeout bounds one removal. Like any other step it may take Options.StatusTimeout.
func (r Run) withRemovalTimeout(cleanup context.Context) (context.Context, context.CancelFunc) {
	timeout := max(CleanupTimeout, r.Options.StatusTimeout)
	return context.WithTimeoutCause(cleanup, timeout, fmt.Errorf("the cleanup timed out after %s", timeout))
}
