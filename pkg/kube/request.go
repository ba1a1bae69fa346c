package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/apiretry"
)

// retry repeats a request while the API server is unavailable, for at most Timeout. Operation describes the request,
// for example "creating pod write-pod".
func (c Client) retry(ctx context.Context, operation string, request func(context.Context) error) error {
	return apiretry.DoWithTimeout(ctx, c.Timeout, c.API, c.Log, operation, request)
}

// withTimeout limits a wait to Timeout. The cause of the context then says what was waited for.
func (c Client) withTimeout(ctx context.Context, format string, args ...any) (context.Context, context.CancelFunc) {
	cause := fmt.Errorf("timed out after %s waiting for %s: %w",
		c.Timeout, fmt.Sprintf(format, args...), context.DeadlineExceeded)
	return context.WithTimeoutCause(ctx, c.Timeout, cause)
}

// objectMeta returns the metadata of an object to create.
func (c Client) objectMeta(name string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Name: name, Namespace: c.Namespace, Labels: c.Labels}
	if c.Owner != nil {
		meta.OwnerReferences = []metav1.OwnerReference{*c.Owner}
	}
	return meta
}

// resource is a typed client for one kind of object.
type resource[T metav1.Object] interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
}

// create creates an object. If a request failed without an answer, the API server may still have created the
// object. The next request is then answered with AlreadyExists, which is no conflict if the object has this run's
// label.
func create[T metav1.Object](
	ctx context.Context, c Client, operation string, objects resource[T], object T,
) (created T, err error) {
	attempts := 0
	err = c.retry(ctx, operation, func(ctx context.Context) (err error) {
		attempts++
		created, err = objects.Create(ctx, object, metav1.CreateOptions{})
		if attempts == 1 || !apierrors.IsAlreadyExists(err) {
			return err
		}
		existing, getErr := objects.Get(ctx, object.GetName(), metav1.GetOptions{})
		if getErr == nil && c.isOfThisRun(existing) && existing.GetDeletionTimestamp() == nil {
			created = existing
			return nil
		}
		return err
	})
	return created, err
}

func (c Client) isOfThisRun(object metav1.Object) bool {
	return object.GetLabels()[RunLabel] == c.Labels[RunLabel]
}
