// Package workload makes, watches and removes the claim and the pods of a run,
// and listens to what the pods say. It knows what Kubernetes says of these
// objects; it knows nothing of journals, verdicts or Litmus.
package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// Labels that everything a run creates carries.
const (
	// RunLabel names the run.
	RunLabel = "volume-durability/run"
	// ChaosUIDLabel names the ChaosEngine; Litmus removes the pods that carry it
	// when the engine is stopped.
	ChaosUIDLabel = "chaosUID"
	// JobLabel names the Job that the run is an attempt of. What another attempt of
	// the same Job finds under it was left behind.
	JobLabel = "volume-durability/job"
)

// Namespace is one namespace of a cluster, as far as a run works in it.
type Namespace struct {
	Client kubernetes.Interface
	Name   string
	// Labels go on everything that is created, and Owner, with which it goes.
	Labels map[string]string
	Owner  *metav1.OwnerReference
	// Timeout bounds each wait.
	Timeout time.Duration
	Log     logrus.FieldLogger
}

// ErrTaken says that a name is used by an object that is not this run's.
var ErrTaken = errors.New("the name is taken")

// taken turns an AlreadyExists into a refusal that says what to do.
func (n Namespace) taken(kind, name string, err error) error {
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%w: %s %s/%s exists already and was not made by this run; it is left as it is. Remove it, or choose another name", ErrTaken, kind, n.Name, name)
	}
	return fmt.Errorf("creating %s %s/%s: %w%s", kind, n.Name, name, err, hint(err.Error()))
}

// RequireExists returns an error that says what to do where the namespace is
// known not to exist. A run without permission to look goes on.
func (n Namespace) RequireExists(ctx context.Context) error {
	_, err := n.Client.CoreV1().Namespaces().Get(ctx, n.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("namespace %s does not exist: kubectl create namespace %s", n.Name, n.Name)
	}
	if err != nil {
		n.Log.WithError(err).Info("The namespace cannot be looked up: taken to exist")
	}
	return nil
}

// PodUnready says that a pod did not come to run, and what the cluster says of it.
type PodUnready struct {
	Namespace, Pod string
	// Volume says that it was the volume: it could not be attached or mounted.
	Volume bool
	// Reason is what Kubernetes reports, newest and most telling first.
	Reason string
	Err    error
}

func (e *PodUnready) Error() string {
	return fmt.Sprintf("pod %s/%s does not run: %s (%v)%s", e.Namespace, e.Pod, e.Reason, e.Err, hint(e.Reason))
}

func (e *PodUnready) Unwrap() error { return e.Err }

// RunPod creates a pod and returns it once its container runs.
func (n Namespace) RunPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod.Namespace = n.Name
	pods := n.Client.CoreV1().Pods(n.Name)
	created, err := create(ctx, n, "creating pod "+pod.Name, pod.Name, pod, pods.Create, pods.Get)
	if err != nil {
		return nil, n.taken("pod", pod.Name, err)
	}
	n.Log.WithFields(logrus.Fields{"pod": created.Name, "uid": created.UID}).Info("Pod created")
	running, err := n.awaitRunning(ctx, created)
	if err != nil {
		return created, err
	}
	n.Log.WithFields(logrus.Fields{"pod": running.Name, "uid": running.UID, "node": running.Spec.NodeName}).Info("Pod running")
	return running, nil
}

func (n Namespace) awaitRunning(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	ctx, cancel := n.within(ctx, "pod %s/%s to run", n.Name, pod.Name)
	defer cancel()
	latest := pod
	_, err := watchtools.UntilWithSync(ctx, n.podWatch(pod.Name), &corev1.Pod{}, nil, func(event watch.Event) (bool, error) {
		now, ok := event.Object.(*corev1.Pod)
		if !ok || now.UID != pod.UID {
			return false, nil
		}
		latest = now
		return hasStarted(event.Type, now)
	})
	if err == nil {
		return latest, nil
	}
	late := ctx.Err() != nil
	if late {
		err = context.Cause(ctx)
	}
	unready := &PodUnready{Namespace: n.Name, Pod: pod.Name, Err: err}
	unready.Reason, unready.Volume = n.whyNotRunning(latest)
	unready.Volume = unready.Volume && late // what failed or was deleted did not wait any more
	return nil, unready
}

// hasStarted says whether a pod's container runs or has run. A pod that never
// will is an error.
func hasStarted(event watch.EventType, pod *corev1.Pod) (bool, error) {
	switch {
	case event == watch.Deleted:
		return false, errors.New("it was deleted by somebody else")
	case pod.Status.Phase == corev1.PodRunning, pod.Status.Phase == corev1.PodSucceeded:
		return true, nil
	case pod.Status.Phase == corev1.PodFailed && hasContainerEnded(pod):
		// Its program ran; what it says tells why it ended.
		return true, nil
	case pod.Status.Phase == corev1.PodFailed:
		return false, fmt.Errorf("it failed: %s %s", pod.Status.Reason, pod.Status.Message)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && (w.Reason == "InvalidImageName" || w.Reason == "ErrImageNeverPull") {
			return false, fmt.Errorf("its image cannot be had: %s", w.Reason)
		}
	}
	return false, nil
}

func hasContainerEnded(pod *corev1.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated == nil {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 0
}

// DeletePod deletes a pod and returns once the very pod that bears the UID is
// gone. A grace period of nil is the pod's own. A pod that is gone already is no error.
func (n Namespace) DeletePod(ctx context.Context, name string, uid types.UID, grace *int64) error {
	options := metav1.DeleteOptions{GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &uid}}
	err := n.insist(ctx, "deleting pod "+name, func(ctx context.Context) error {
		return n.Client.CoreV1().Pods(n.Name).Delete(ctx, name, options)
	})
	if isGone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting pod %s/%s: %w", n.Name, name, err)
	}
	if err := n.awaitGone(ctx, "pod", name, uid, n.podWatch(name), &corev1.Pod{}); err != nil {
		return fmt.Errorf("%w%s", err, n.whyStillThere(name))
	}
	n.Log.WithFields(logrus.Fields{"pod": name, "uid": uid}).Info("Pod gone")
	return nil
}

// isGone also takes a conflict for an answer: the name belongs to another object by now.
func isGone(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }

func (n Namespace) awaitGone(ctx context.Context, kind, name string, uid types.UID, lw cache.ListerWatcher, object runtime.Object) error {
	ctx, cancel := n.within(ctx, "%s %s/%s to be gone", kind, n.Name, name)
	defer cancel()
	absent := func(store cache.Store) (bool, error) {
		for _, o := range store.List() {
			if m, ok := o.(metav1.Object); ok && m.GetUID() == uid {
				return false, nil
			}
		}
		return true, nil
	}
	_, err := watchtools.UntilWithSync(ctx, lw, object, absent, func(event watch.Event) (bool, error) {
		m, ok := event.Object.(metav1.Object)
		if !ok {
			return false, nil
		}
		return m.GetUID() != uid || event.Type == watch.Deleted, nil
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

func (n Namespace) podWatch(name string) cache.ListerWatcher {
	return ByName(name, n.Client.CoreV1().Pods(n.Name))
}

// lists is any of client-go's typed clients.
type lists[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// ByName lists and watches one object by its name.
func ByName[L runtime.Object](name string, objects lists[L]) cache.ListerWatcher {
	byName := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = byName
			return objects.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = byName
			return objects.Watch(ctx, o)
		},
	}
}

// within bounds a wait; the context's cause then says what was waited for.
func (n Namespace) within(ctx context.Context, format string, args ...any) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, n.Timeout, fmt.Errorf("waited %s for %s: %w", n.Timeout, fmt.Sprintf(format, args...), context.DeadlineExceeded))
}
