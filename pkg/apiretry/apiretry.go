// Package apiretry tells what an API server answers from that it does not answer for a
// while, and makes a request until it does. It knows nothing of what is asked for.
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
	// every is how often a request is made again.
	every = 500 * time.Millisecond
	// warmUp is how long an API server that was started may not know the roles yet, where
	// it does not say whether it is ready.
	warmUp = 30 * time.Second
)

// Do makes a request until the API server has answered it or the context ends.
// The error is the answer; or the context's cause, with the last reason why there was
// none. The log hears of it once. What is forbidden is an answer of a server that is
// ready: one that was started forbids everything until it has read who may do what.
func Do(ctx context.Context, server kubernetes.Interface, log logrus.FieldLogger, doing string, request func(context.Context) error) error {
	var last error
	began := time.Now()
	err := wait.PollUntilContextCancel(ctx, every, true, func(ctx context.Context) (bool, error) {
		before := last
		last = request(ctx)
		readiness := ready
		if isUnauthorized(last) {
			if readiness = readinessOf(ctx, server); readiness == ready {
				last = request(ctx)
			}
		}
		switch {
		case last == nil:
			return true, nil
		case IsTransient(last) || readiness == unready || readiness == untold && time.Since(began) < warmUp:
		default:
			return false, last
		}
		switch {
		case before != nil:
		case IsTransient(last):
			LogRetry(log, doing, last)
		default:
			log.WithError(last).Warn("The API server may not know yet who may do what, trying again: " + doing)
		}
		return false, nil
	})
	if err == nil || errors.Is(err, last) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// readiness is what an API server says of itself
// (kubernetes.io/docs/reference/using-api/health-checks).
type readiness int

const (
	ready readiness = iota
	unready
	// untold is a server's that does not say, to everybody or for now.
	untold
)

func readinessOf(ctx context.Context, server kubernetes.Interface) readiness {
	client := server.Discovery().RESTClient()
	if client == nil {
		return ready // no server at all
	}
	err := client.Get().AbsPath("/readyz").Do(ctx).Error()
	switch {
	case err == nil:
		return ready
	case IsTransient(err):
		return unready
	default:
		return untold
	}
}

// isUnauthorized says whether a request was refused because of who makes it, and not
// because of what it asks for, as by a quota or a policy (ForbiddenErrorMessage in
// k8s.io/apiserver/pkg/endpoints/handlers/responsewriters).
func isUnauthorized(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), `User "`) && strings.Contains(err.Error(), `" cannot `)
}

// LogRetry says in the log that what is being done has to wait.
func LogRetry(log logrus.FieldLogger, doing string, err error) {
	log.WithError(err).Warn("The API server does not answer, trying again: " + doing)
}

// IsTransient says whether a request failed for a reason that may be over soon, and
// that says nothing of what was asked for.
func IsTransient(err error) bool {
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}
