// Package kube makes, watches and removes the claim and the pods of a run,
// and listens to what the pods say. It knows what Kubernetes says of these
// objects; it knows nothing of journals, verdicts or Litmus.
package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
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
	// HostLabel names the machine on which a person started the run.
	HostLabel = "volume-durability/host"
	// KeepLabel is on what a run makes that was asked to keep it.
	KeepLabel = "volume-durability/keep"
)

// Client is one namespace of a cluster, as far as a run works in it.
type Client struct {
	API       kubernetes.Interface
	Namespace string
	// Labels go on everything that is created, and Owner, with which it goes.
	Labels map[string]string
	Owner  *metav1.OwnerReference
	// Timeout bounds each wait.
	Timeout time.Duration
	Log     logrus.FieldLogger

	// observer is nil until the namespace is Observed: only then can be waited for anything.
	observer *observer
}

// ErrNameConflict says that a name is used by an object that is not this run's.
var ErrNameConflict = errors.New("the name is taken")

// taken turns an AlreadyExists into a refusal that says what to do.
func (n Client) taken(kind, name string, err error) error {
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%w: %s %s/%s exists already and was not made by this run; it is left as it is. Remove it, or choose another name", ErrNameConflict, kind, n.Namespace, name)
	}
	return fmt.Errorf("creating %s %s/%s: %w%s", kind, n.Namespace, name, err, Hint(err.Error()))
}

// RequireNamespace returns an error that says what to do where the namespace is
// known not to exist. A run without permission to look goes on.
func (n Client) RequireNamespace(ctx context.Context) error {
	err := n.insist(ctx, "looking for namespace "+n.Namespace, func(ctx context.Context) error {
		_, err := n.API.CoreV1().Namespaces().Get(ctx, n.Namespace, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("namespace %s does not exist: kubectl create namespace %s", n.Namespace, n.Namespace)
	}
	if err != nil {
		n.Log.WithError(err).Info("The namespace cannot be looked up: taken to exist")
	}
	return nil
}

// PodNotRunningError says that a pod did not come to run, and what the cluster says of it.
type PodNotRunningError struct {
	Namespace, Pod string
	// Volume says that it was the volume: it could not be attached or mounted.
	VolumeUnavailable bool
	// Reason is what Kubernetes reports, newest and most telling first.
	Reason string
	Err    error
}

func (e *PodNotRunningError) Error() string {
	return fmt.Sprintf("pod %s/%s does not run: %s (%v)%s", e.Namespace, e.Pod, e.Reason, e.Err, Hint(e.Reason))
}

func (e *PodNotRunningError) Unwrap() error { return e.Err }

// RunPod creates a pod and returns it once its container runs.
func (n Client) RunPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod.Namespace = n.Namespace
	pods := n.API.CoreV1().Pods(n.Namespace)
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

func (n Client) awaitRunning(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	ctx, cancel := n.within(ctx, "pod %s/%s to run", n.Namespace, pod.Name)
	defer cancel()
	latest := pod
	err := n.observer.until(ctx, func() (bool, error) {
		seen := n.observer.pods[pod.UID]
		if seen == nil {
			return false, nil
		}
		latest = seen.latest
		if said, is := isBoundToNode(latest); is {
			return false, &UnsupportedError{Object: fmt.Sprintf("pod %s/%s", n.Namespace, pod.Name), Message: said}
		}
		if refused := n.observer.refusalOf(latest); refused != nil {
			return false, refused
		}
		return hasStarted(!seen.Gone.IsZero(), latest)
	})
	var unsupported *UnsupportedError
	if err == nil || errors.As(err, &unsupported) {
		return latest, err
	}
	late := ctx.Err() != nil
	unready := &PodNotRunningError{Namespace: n.Namespace, Pod: pod.Name, Err: err}
	unready.Reason, unready.VolumeUnavailable = n.whyNotRunning(latest)
	unready.VolumeUnavailable = unready.VolumeUnavailable && late // what failed or was deleted did not wait any more
	return nil, unready
}

// RunToCompletion runs a pod, returns once its container has ended well, and removes it in any case.
func (n Client) RunToCompletion(ctx context.Context, pod *corev1.Pod) error {
	running, err := n.RunPod(ctx, pod)
	if err == nil {
		err = n.awaitSuccess(ctx, running)
	}
	if running != nil {
		err = errors.Join(err, n.DeletePod(ctx, running.Name, running.UID, ptr.To[int64](0)))
	}
	return err
}

// awaitSuccess returns once a pod's container has ended well.
func (n Client) awaitSuccess(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := n.within(ctx, "pod %s/%s to end", n.Namespace, pod.Name)
	defer cancel()
	return n.observer.until(ctx, func() (bool, error) {
		seen := n.observer.pods[pod.UID]
		switch {
		case seen == nil:
			return false, nil
		case seen.latest.Status.Phase == corev1.PodFailed || !seen.Gone.IsZero():
			return false, fmt.Errorf("pod %s/%s did not end well: kubectl logs %s", n.Namespace, pod.Name, pod.Name)
		}
		return seen.latest.Status.Phase == corev1.PodSucceeded, nil
	})
}

// refusalOf is the refusal to make the volume of a claim that a pod waits for. What
// was refused to a claim of the same name before, or to this one before it was
// bound, is of no matter.
func (o *observer) refusalOf(pod *corev1.Pod) error {
	for _, v := range pod.Spec.Volumes {
		for _, c := range o.claims {
			if v.PersistentVolumeClaim != nil && c.isUnbound(v.PersistentVolumeClaim.ClaimName) && c.refusal != "" {
				return &UnsupportedError{Object: "claim " + pod.Namespace + "/" + c.name, Message: c.refusal}
			}
		}
	}
	return nil
}

// isUnbound says whether it is the claim of a name that is there now, and has no volume.
func (c *observedClaim) isUnbound(name string) bool {
	return c.latest != nil && c.name == name && !c.gone && c.latest.Status.Phase != corev1.ClaimBound
}

// hasStarted says whether a pod's container runs or has run. A pod that never
// will is an error.
func hasStarted(gone bool, pod *corev1.Pod) (bool, error) {
	switch {
	case gone:
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
func (n Client) DeletePod(ctx context.Context, name string, uid types.UID, grace *int64) error {
	options := metav1.DeleteOptions{GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &uid}}
	err := n.insist(ctx, "deleting pod "+name, func(ctx context.Context) error {
		return n.API.CoreV1().Pods(n.Namespace).Delete(ctx, name, options)
	})
	if isGone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting pod %s/%s: %w", n.Namespace, name, err)
	}
	seenToGo := func() bool { p := n.observer.pods[uid]; return p != nil && !p.Gone.IsZero() }
	if err := awaitGone(ctx, n, "pod", name, uid, n.API.CoreV1().Pods(n.Namespace).Get, seenToGo); err != nil {
		return fmt.Errorf("%w%s", err, n.whyStillThere(name))
	}
	n.Log.WithFields(logrus.Fields{"pod": name, "uid": uid}).Info("Pod gone")
	return nil
}

// isGone also takes a conflict for an answer: the name belongs to another object by now.
func isGone(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }

// awaitGone returns once an object is gone. What was never seen before it went is
// not seen to go: so it is looked for once.
func awaitGone[T metav1.Object](
	ctx context.Context, n Client, kind, name string, uid types.UID,
	get func(context.Context, string, metav1.GetOptions) (T, error), seenToGo func() bool,
) error {
	ctx, cancel := n.within(ctx, "%s %s/%s to be gone", kind, n.Namespace, name)
	defer cancel()
	there, err := get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && there.GetUID() != uid {
		return nil
	}
	return n.observer.until(ctx, func() (bool, error) { return seenToGo(), nil })
}

// within bounds a wait; the context's cause then says what was waited for.
func (n Client) within(ctx context.Context, format string, args ...any) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, n.Timeout, fmt.Errorf("waited %s for %s: %w", n.Timeout, fmt.Sprintf(format, args...), context.DeadlineExceeded))
}
