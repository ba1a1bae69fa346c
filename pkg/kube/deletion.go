package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// isDeleted reports whether the API server answered a deletion with an error that means that the object no longer
// exists. Conflict means that another object has the name now.
func isDeleted(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }

// awaitDeleted returns once an object no longer exists. An object that was deleted before the observer saw it produces
// no event. So awaitDeleted asks the API server about an object that the observer has not seen.
func awaitDeleted[T metav1.Object](
	ctx context.Context, c Client, object subject, uid types.UID,
	get func(context.Context, string, metav1.GetOptions) (T, error), deleted func() bool,
) error {
	caller := ctx
	ctx, cancel := c.withTimeout(ctx, "%s %s/%s to be deleted", object.kind, c.Namespace, object.name)
	defer cancel()
	if !c.observer.knows(uid) {
		existing, err := get(ctx, object.name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && existing.GetUID() != uid {
			return nil
		}
	}
	err := c.observer.waitUntil(ctx, func() (bool, error) { return deleted(), nil }, object)
	if err != nil && caller.Err() != nil { // the cause does not name the object
		return fmt.Errorf("waiting for %s %s/%s to be deleted: %w",
			object.kind, c.Namespace, object.name, context.Cause(caller))
	}
	return err
}

// RunConcurrently runs functions at the same time and returns their errors, joined. It is used
// for deletions: one that waits, for example for a node that is not ready, does not delay the others.
func RunConcurrently(functions ...func() error) error {
	failures := make([]error, len(functions))
	var all sync.WaitGroup
	for i, f := range functions {
		all.Go(func() { failures[i] = f() })
	}
	all.Wait()
	return errors.Join(failures...)
}
