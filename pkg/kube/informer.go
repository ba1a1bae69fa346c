package kube

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/volume-durability/volume-durability/pkg/apiretry"
)

// listWatcher is a typed client for one kind of object.
type listWatcher[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// tryList returns an error if the API server does not list one kind of object.
func tryList[L runtime.Object](ctx context.Context, c Client, kind string, objects listWatcher[L]) error {
	return c.retry(ctx, "listing "+kind, func(ctx context.Context) error {
		_, err := objects.List(ctx, metav1.ListOptions{Limit: 1})
		return err
	})
}

// pointer is a pointer to a Kubernetes object.
type pointer[T any] interface {
	*T
	metav1.Object
	runtime.Object
}

// newInformer creates an informer that calls onChange and onDelete with the observer locked. Missed is set if the
// deletion happened while nothing was watched.
func newInformer[L runtime.Object, T any, P pointer[T]](
	o *observer, kind string, objects listWatcher[L], selectObjects func(*metav1.ListOptions),
	onChange func(P), onDelete func(object P, missed bool),
) (cache.SharedIndexInformer, error) {
	listWatch := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			selectObjects(&options)
			list, err := objects.List(ctx, options)
			if err != nil {
				o.watchFailed(ctx, kind, err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			selectObjects(&options)
			w, err := objects.Watch(ctx, options)
			if err != nil {
				o.watchFailed(ctx, kind, err)
				return nil, err
			}
			o.watchStarted(kind)
			return &trackedWatch{w, func() { o.watchEnded(ctx, kind) }}, nil
		},
	}
	// Since client-go 0.35 informers stream the first list. A client that cannot do that makes the informer list.
	streamed := cache.ToListWatcherWithWatchListSemantics(listWatch, o.api)
	informer := cache.NewSharedIndexInformer(streamed, P(new(T)), 0, cache.Indexers{})
	err := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		o.mu.Lock()
		o.watchErrors[kind] = err
		o.mu.Unlock()
		cache.DefaultWatchErrorHandler(ctx, r, err)
	})
	if err == nil {
		err = informer.SetTransform(withoutManagedFields)
	}
	if err == nil {
		_, err = informer.AddEventHandler(eventHandlers(o, onChange, onDelete))
	}
	if err != nil {
		return nil, fmt.Errorf("creating an informer for %s: %w", kind, err)
	}
	return informer, nil
}

// withoutManagedFields removes the managed fields of an object, which nothing uses. They are about half of a pod.
func withoutManagedFields(object any) (any, error) {
	if o, ok := object.(metav1.Object); ok {
		o.SetManagedFields(nil)
	}
	return object, nil
}

// eventHandlers passes the events of an informer to onChange and onDelete. After a gap, the informer may report the
// deletion of an object late, or as an update to another object with the same name.
func eventHandlers[T metav1.Object](
	o *observer, onChange func(T), onDelete func(object T, missed bool),
) cache.ResourceEventHandlerFuncs {
	onMissedDelete := func(object T) { onDelete(object, true) }
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { update(o, object, onChange) },
		UpdateFunc: func(before, after any) {
			previous, ok := before.(T)
			if current, is := after.(T); ok && is && previous.GetUID() != current.GetUID() {
				update(o, before, onMissedDelete)
			}
			update(o, after, onChange)
		},
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				update(o, last.Obj, onMissedDelete)
				return
			}
			update(o, object, func(object T) { onDelete(object, false) })
		},
	}
}

// trackedWatch calls onStop when the informer stops the watch, which it does with every watch that ends.
type trackedWatch struct {
	watch.Interface
	onStop func()
}

func (w *trackedWatch) Stop() {
	w.Interface.Stop()
	w.onStop()
}

// gap is a time in which one kind of object was not watched, by the clock of this program. A change in it is observed
// late, or never.
type gap struct {
	from time.Time
	// to is zero until the next watch starts.
	to time.Time
}

// watchFailed records that a watch cannot be started. The informer retries with increasing delays and logs nothing.
func (o *observer) watchFailed(ctx context.Context, kind string, err error) {
	o.watchEnded(ctx, kind)
	o.mu.Lock()
	defer o.mu.Unlock()
	if ctx.Err() == nil && apiretry.IsTransient(err) && !o.logged[kind] {
		o.logged[kind] = true
		apiretry.LogRetry(o.log, "watching "+kind, err)
	}
}

// watchEnded begins a gap. The API server ends every watch after some minutes; the informer then starts the next one.
func (o *observer) watchEnded(ctx context.Context, kind string) {
	if ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if gaps := o.gaps[kind]; len(gaps) == 0 || !gaps[len(gaps)-1].to.IsZero() {
		o.gaps[kind] = append(gaps, gap{from: time.Now().UTC()})
	}
}

// watchStarted ends the current gap.
func (o *observer) watchStarted(kind string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.logged, kind)
	if gaps := o.gaps[kind]; len(gaps) > 0 && gaps[len(gaps)-1].to.IsZero() {
		gaps[len(gaps)-1].to = time.Now().UTC()
	}
}

// UnobservedTime returns how much of an interval had no watch on pods.
func (c Client) UnobservedTime(from, to time.Time) time.Duration {
	c.observer.mu.Lock()
	defer c.observer.mu.Unlock()
	var unobserved time.Duration
	for _, g := range c.observer.gaps[kindPods] {
		began, ended := g.from, g.to
		if began.Before(from) {
			began = from
		}
		if ended.IsZero() || ended.After(to) {
			ended = to
		}
		unobserved += max(0, ended.Sub(began))
	}
	return unobserved
}
