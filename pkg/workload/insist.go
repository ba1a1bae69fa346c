package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
)

// retryEvery is how often a request is made again that the API server could not take.
const retryEvery = 500 * time.Millisecond

// insist makes a request until the API server has answered it, for as long as a
// step may take. An API server that is away for a while ends no run; what it
// answers does.
func (n Namespace) insist(ctx context.Context, doing string, request func(context.Context) error) error {
	ctx, cancel := n.within(ctx, "the API server: %s", doing)
	defer cancel()
	var last error
	began := time.Now()
	err := wait.PollUntilContextCancel(ctx, retryEvery, true, func(ctx context.Context) (bool, error) {
		before := last
		last = request(ctx)
		if last == nil {
			return true, nil
		}
		if !passing(last) && !(isWarmingUp(last) && time.Since(began) < warmUp) {
			return false, last
		}
		if before == nil {
			n.Log.WithError(last).Warn("The API server does not answer, trying again: " + doing)
		}
		return false, nil
	})
	if err == nil || errors.Is(err, last) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// passing says whether a request failed for a reason that may be over soon, and
// that says nothing of what was asked for.
func passing(err error) bool {
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// warmUp is how long an API server that was started may not know the roles yet.
const warmUp = 30 * time.Second

// isWarmingUp says whether a request was forbidden because the API server does not
// know a role that a binding names: so it answers after its start, before it has
// read them (k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac). A role that is not
// there answers alike, without end.
func isWarmingUp(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "RBAC: ") && strings.Contains(err.Error(), "not found")
}
