package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// PodNotRunningError is returned if a pod that was created did not start.
type PodNotRunningError struct {
	Namespace, Pod string
	// VolumeUnavailable is set if the pod did not start because its volume could not be attached or mounted, or because
	// the daemon of its mount is dead.
	VolumeUnavailable bool
	// ImageUnavailable is set if the pod did not start because its image is not on the node and cannot be pulled.
	ImageUnavailable bool
	// Reason is what Kubernetes reports about the pod, its claim and its node.
	Reason string
	// Err is the error of the wait, for example a timeout.
	Err error
}

func (e *PodNotRunningError) Error() string {
	return fmt.Sprintf("pod %s/%s did not start: %s (%v)%s", e.Namespace, e.Pod, strings.TrimSuffix(e.Reason, "."), e.Err,
		advice.Sentence(hintOf(e.Reason)))
}

// Unwrap returns the error of the wait.
func (e *PodNotRunningError) Unwrap() error { return e.Err }

// RunPod creates a pod, and returns it once its container runs.
func (c Client) RunPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod.Namespace = c.Namespace
	created, err := create(ctx, c, "creating pod "+pod.Name, c.API.CoreV1().Pods(c.Namespace), pod)
	if err != nil {
		return nil, c.createError("pod", pod.Name, err)
	}
	c.Log.WithFields(logrus.Fields{"pod": created.Name, "uid": created.UID}).Info("Pod created")
	running, err := c.awaitRunning(ctx, created)
	if err != nil {
		return created, err
	}
	fields := logrus.Fields{"pod": running.Name, "uid": running.UID, "node": running.Spec.NodeName}
	c.Log.WithFields(fields).Info("Pod running")
	return running, nil
}

func (c Client) awaitRunning(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	ctx, cancel := c.withTimeout(ctx, "pod %s/%s to run", c.Namespace, pod.Name)
	defer cancel()
	start := c.newPodStart(pod)
	err := start.await(ctx)
	var unsupported *UnsupportedError
	if err == nil || errors.As(err, &unsupported) {
		return start.latest, err
	}
	var final *finalError
	isFinal := errors.As(err, &final)
	d := c.diagnose(start.latest)
	return nil, &PodNotRunningError{
		Namespace: c.Namespace, Pod: pod.Name, Reason: withMessage(err, d.reason), Err: err,
		// A pod that failed or was deleted before the timeout was no longer waiting for its volume.
		VolumeUnavailable: d.volumeUnavailable && ctx.Err() != nil || isFinal && final.volume,
		ImageUnavailable:  isFinal && final.image,
	}
}

// withMessage adds the message of a finalError to a reason that does not have it.
func withMessage(err error, reason string) string {
	var final *finalError
	if !errors.As(err, &final) {
		return reason
	}
	message := withoutBackOff(final.message)
	if strings.Contains(withoutContainerID(reason), withoutContainerID(message)) {
		return reason
	}
	return message + "; " + reason
}

// hasStarted reports whether the pod's container runs or has run. It returns an error if that can no longer happen.
func hasStarted(deleted bool, pod *corev1.Pod) (bool, error) {
	switch {
	case deleted:
		return false, errors.New("the pod was deleted, but not by this run")
	case hasContainerStarted(pod):
		return true, nil // If it has ended, its log has the reason.
	case pod.Status.Phase == corev1.PodSucceeded:
		return true, nil
	case pod.Status.Phase == corev1.PodFailed:
		return false, fmt.Errorf("the pod failed: %s %s", pod.Status.Reason, pod.Status.Message)
	}
	if w, _ := waitingContainer(pod); w != nil && slices.Contains(finalWaits, w.Reason) {
		return false, &finalError{
			what: "its container cannot be created: " + w.Reason, message: w.Reason + ": " + w.Message, image: true,
		}
	}
	return false, nil
}

var (
	// finalWaits are reasons of waiting containers that do not disappear (k8s.io/kubernetes/pkg/kubelet/images/types.go
	// and kuberuntime/kuberuntime_container.go).
	finalWaits = []string{"ErrImageNeverPull", "InvalidImageName"}
	// likelyFinalWaits are reasons that rarely disappear. A kubelet that has just started reports
	// CreateContainerConfigError until it has read the services of the namespace.
	likelyFinalWaits = []string{
		"CreateContainerConfigError", "CreateContainerError", "ImageInspectError", "SignatureValidationFailed",
	}
	// pullWaits are reasons that disappear if the registry can be reached again.
	pullWaits = []string{"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"}
)

// missingImage are parts of the answers of registries which have no such image, or do not give it to this cluster.
var missingImage = []string{
	"not found", "manifest unknown", "does not exist", "access denied", "unauthorized", "authorization failed",
	"authentication required", "no basic auth credentials", "403 forbidden", "no match for platform", "no such host",
}

// isCreationFailure reports whether the reason of a waiting container is a failure, and not the normal course.
func isCreationFailure(reason string) bool {
	return slices.Contains(finalWaits, reason) || slices.Contains(likelyFinalWaits, reason) ||
		slices.Contains(pullWaits, reason)
}

// isPull reports whether a container waits because its image could not be pulled.
func isPull(w *corev1.ContainerStateWaiting) bool { return slices.Contains(pullWaits, w.Reason) }

// isOnDeadMount reports whether the run's own container waits because the daemon of its mounted FUSE volume is dead.
// The kubelet has mounted the volume, and the container runtime cannot look into it. Other containers, and mounts that
// are not volumes, may have the same error.
func isOnDeadMount(pod *corev1.Pod) bool {
	return slices.ContainsFunc(allStatuses(pod), func(s corev1.ContainerStatus) bool {
		w := s.State.Waiting
		if s.Name != ContainerName || w == nil || w.Reason != "CreateContainerError" {
			return false
		}
		return strings.Contains(w.Message, deadMount) && strings.Contains(w.Message, volumePath)
	})
}

const (
	// deadMount is the text of ENOTCONN without its first word, Transport, which only C writes with a capital letter.
	deadMount = "endpoint is not connected"
	// volumePath is a part of the path at which the kubelet mounts a volume: /var/lib/kubelet/pods/<UID>/volumes/<plugin>.
	volumePath = "/volumes/kubernetes.io~"
)

// waitingContainer returns the state of the first container that waits, preferably of one that cannot be created.
// LikelyFinal is set if the reason rarely disappears.
func waitingContainer(pod *corev1.Pod) (waiting *corev1.ContainerStateWaiting, likelyFinal bool) {
	for _, s := range allStatuses(pod) {
		if w := s.State.Waiting; w != nil && (waiting == nil || isCreationFailure(w.Reason)) {
			waiting = w
		}
	}
	if waiting == nil {
		return nil, false
	}
	message := strings.ToLower(waiting.Message)
	missing := slices.ContainsFunc(missingImage, func(text string) bool { return strings.Contains(message, text) })
	return waiting, isPull(waiting) && missing || slices.Contains(likelyFinalWaits, waiting.Reason)
}

// RunToCompletion runs a pod, waits until its container succeeds, and deletes it even after an error.
func (c Client) RunToCompletion(ctx context.Context, pod *corev1.Pod) error {
	running, err := c.RunPod(ctx, pod)
	if err == nil {
		err = c.awaitSuccess(ctx, running)
	}
	if running != nil {
		err = errors.Join(err, c.DeletePod(ctx, running.Name, running.UID, ptr.To[int64](0)))
	}
	return err
}

func (c Client) awaitSuccess(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := c.withTimeout(ctx, "pod %s/%s to succeed", c.Namespace, pod.Name)
	defer cancel()
	return c.observer.waitUntil(ctx, func() (bool, error) {
		observed := c.observer.pods[pod.UID]
		switch {
		case observed == nil:
			return false, nil
		case hasContainerSucceeded(observed.latest):
			return true, nil // A sidecar may run for longer.
		case hasContainerEnded(observed.latest), observed.latest.Status.Phase == corev1.PodFailed,
			!observed.DeletedAt.IsZero():
			return false, fmt.Errorf("pod %s/%s failed%s", c.Namespace, pod.Name,
				advice.Sentence("read its log: kubectl logs -n "+c.Namespace+" "+pod.Name))
		}
		return observed.latest.Status.Phase == corev1.PodSucceeded, nil
	}, podNamed(pod.Name))
}

// DeletePod deletes the pod with this UID and returns once it no longer exists. If grace is nil, the pod's own grace
// period applies. It is no error if the pod does not exist.
func (c Client) DeletePod(ctx context.Context, name string, uid types.UID, grace *int64) error {
	pods := c.API.CoreV1().Pods(c.Namespace)
	options := metav1.DeleteOptions{GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &uid}}
	err := c.retry(ctx, "deleting pod "+name, func(ctx context.Context) error {
		return pods.Delete(ctx, name, options)
	})
	if isDeleted(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting pod %s/%s: %w", c.Namespace, name, err)
	}
	deleted := func() bool { p := c.observer.pods[uid]; return p != nil && !p.DeletedAt.IsZero() }
	if err := awaitDeleted(ctx, c, podNamed(name), uid, pods.Get, deleted); err != nil {
		return fmt.Errorf("%w%s", err, c.explainNotDeleted(name))
	}
	c.Log.WithFields(logrus.Fields{"pod": name, "uid": uid}).Info("Pod deleted")
	return nil
}
