package kube

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// meta is that of everything a run creates.
func (n Client) meta(name string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: name, Namespace: n.Namespace, Labels: n.Labels}
	if n.Owner != nil {
		m.OwnerReferences = []metav1.OwnerReference{*n.Owner}
	}
	return m
}

// create creates an object. One that bears this run's label after an attempt whose
// answer did not arrive was made by that attempt.
func create[T metav1.Object](
	ctx context.Context, n Client, doing, name string, object T,
	make func(context.Context, T, metav1.CreateOptions) (T, error), get func(context.Context, string, metav1.GetOptions) (T, error),
) (created T, err error) {
	attempts := 0
	err = n.insist(ctx, doing, func(ctx context.Context) (err error) {
		attempts++
		created, err = make(ctx, object, metav1.CreateOptions{})
		if attempts == 1 || !apierrors.IsAlreadyExists(err) {
			return err
		}
		there, getErr := get(ctx, name, metav1.GetOptions{})
		if getErr == nil && there.GetLabels()[RunLabel] == n.Labels[RunLabel] && there.GetDeletionTimestamp() == nil {
			created = there
			return nil
		}
		return err
	})
	return created, err
}
