// Package outage tells what an API server answers from that it does not answer for a
// while, and makes a request until it does. It knows nothing of what is asked for.
package outage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// every is how often a request is made again.
	every = 500 * time.Millisecond
	// warmUp is how long an API server that was started may not know the roles yet.
	warmUp = 30 * time.Second
)

// Endure makes a request until the API server has answered it or the context ends.
// The error is the answer; or the context's cause, with the last reason why there was
// none. The log hears of it once.
func Endure(ctx context.Context, log logrus.FieldLogger, doing string, request func(context.Context) error) error {
	var last error
	began := time.Now()
	err := wait.PollUntilContextCancel(ctx, every, true, func(ctx context.Context) (bool, error) {
		before := last
		last = request(ctx)
		if last == nil {
			return true, nil
		}
		if !Is(last) && !(isWarmingUp(last) && time.Since(began) < warmUp) {
			return false, last
		}
		if before == nil {
			Warn(log, doing, last)
		}
		return false, nil
	})
	if err == nil || errors.Is(err, last) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// Warn says in the log that what is being done has to wait.
func Warn(log logrus.FieldLogger, doing string, err error) {
	log.WithError(err).Warn("The API server does not answer, trying again: " + doing)
}

// Is says whether a request failed for a reason that may be over soon, and
// that says nothing of what was asked for.
func Is(err error) bool {
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// isWarmingUp says whether a request was forbidden because the API server does not
// know a role that a binding names: so it answers after its start, before it has
// read them (k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac). A role that is not
// there answers alike, without end.
func isWarmingUp(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "RBAC: ") && strings.Contains(err.Error(), "not found")
}
