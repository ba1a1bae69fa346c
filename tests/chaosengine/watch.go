package chaosengine

import (
	"context"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// lister is any of client-go's typed clients.
type lister[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// ByName returns a ListerWatcher for one object by its name.
func ByName[L runtime.Object](name string, objects lister[L]) cache.ListerWatcher {
	name = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	return selecting(metav1.ListOptions{FieldSelector: name}, objects)
}

// OfJob returns a ListerWatcher for the pods of a Job.
func OfJob[L runtime.Object](job string, pods lister[L]) cache.ListerWatcher {
	label := labels.Set{batchv1.JobNameLabel: job}.String()
	return selecting(metav1.ListOptions{LabelSelector: label}, pods)
}

// selecting returns a ListerWatcher for the objects that selectors match.
func selecting[L runtime.Object](selectors metav1.ListOptions, objects lister[L]) cache.ListerWatcher {
	with := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector, o.LabelSelector = selectors.FieldSelector, selectors.LabelSelector
		return o
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return objects.List(ctx, with(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return objects.Watch(ctx, with(o))
		},
	}
}

// AwaitDeleted returns once the one object of a ListerWatcher does not exist. object has its type.
func AwaitDeleted(ctx context.Context, object runtime.Object, one cache.ListerWatcher) error {
	empty := func(store cache.Store) (bool, error) { return len(store.ListKeys()) == 0, nil }
	deleted := func(e watch.Event) (bool, error) { return e.Type == watch.Deleted, nil }
	_, err := watchtools.UntilWithSync(ctx, one, object, empty, deleted)
	return err
}
