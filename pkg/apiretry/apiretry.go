// Package apiretry repeats requests while a Kubernetes API server is unavailable. It distinguishes an answer, which
// ends the retries, from a transient failure, and does not depend on the objects of a request.
package apiretry

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
	"k8s.io/client-go/kubernetes"
)

const (
	// interval is the time between two attempts.
	interval = 500 * time.Millisecond
	// warmUp is how long an API server may take after its start to read the roles, if its readiness is unknown.
	warmUp = 30 * time.Second
)

// DoWithTimeout calls Do with a timeout. If the timeout expires, the error names it and the request.
func DoWithTimeout(
	ctx context.Context, timeout time.Duration, server kubernetes.Interface, log logrus.FieldLogger, operation string,
	request func(context.Context) error,
) error {
	cause := fmt.Errorf("timed out after %s waiting for the API server: %s: %w",
		timeout, operation, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, cause)
	defer cancel()
	return Do(ctx, server, log, operation, request)
}

// Do repeats a request until the API server answers it or the context ends. It returns the answer, or the cause of the
// context together with the last failure. It logs the first failure with the operation, for example "creating pod x".
//
// Forbidden is an answer only if the API server is ready. A server that has just started forbids everything until it
// has read the roles.
func Do(
	ctx context.Context, server kubernetes.Interface, log logrus.FieldLogger, operation string,
	request func(context.Context) error,
) error {
	var last error
	started := time.Now()
	err := wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		previous := last
		last = request(ctx)
		state := ready
		if isUnauthorized(last) {
			if state = readinessOf(ctx, server); state == ready {
				// The server may have become ready between the request and the check.
				last = request(ctx)
			}
		}
		warmingUp := state == notReady || state == unknown && time.Since(started) < warmUp
		switch {
		case last == nil:
			return true, nil
		case !IsTransient(last) && !warmingUp:
			return false, last
		case previous != nil: // already logged
		case IsTransient(last):
			LogRetry(log, operation, last)
		default:
			log.WithError(last).Warn("The API server may not have read the roles yet; retrying: " + operation)
		}
		return false, nil
	})
	switch {
	case err != nil && ctx.Err() != nil && (last == nil || isContextError(last)):
		return context.Cause(ctx) // it says more than that the context ended
	case err == nil || errors.Is(err, last):
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// readiness is what an API server reports at /readyz (kubernetes.io/docs/reference/using-api/health-checks).
type readiness int

const (
	ready readiness = iota
	notReady
	// unknown means that the server did not report its readiness, for example because /readyz is forbidden.
	unknown
)

func readinessOf(ctx context.Context, server kubernetes.Interface) readiness {
	client := server.Discovery().RESTClient()
	if client == nil {
		return ready // a fake client
	}
	err := client.Get().AbsPath("/readyz").Do(ctx).Error()
	switch {
	case err == nil:
		return ready
	case IsTransient(err):
		return notReady
	default:
		return unknown
	}
}

// isUnauthorized reports whether a request was forbidden by authorization. Quotas and admission policies also answer
// with Forbidden, but with another text (ForbiddenErrorMessage in
// k8s.io/apiserver/pkg/endpoints/handlers/responsewriters).
func isUnauthorized(err error) bool {
	return apierrors.IsForbidden(err) &&
		strings.Contains(err.Error(), `User "`) && strings.Contains(err.Error(), `" cannot `)
}

// LogRetry logs that an operation is retried because the API server did not answer.
func LogRetry(log logrus.FieldLogger, operation string, err error) {
	log.WithError(err).Warn("The API server did not answer; retrying: " + operation)
}

// IsTransient reports whether a request failed for a temporary reason that does not depend on the request.
func IsTransient(err error) bool {
	return isNetworkFailure(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

func isNetworkFailure(err error) bool {
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err) ||
		errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}
