package kube

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// diagnosisTimeout bounds the asking for reasons after something went wrong, when
// the wait's own time is up.
const diagnosisTimeout = 10 * time.Second

// volumeEvents are the reasons of events that tell that a pod waits for its
// volume (k8s.io/kubernetes/pkg/kubelet/events and the attach-detach controller).
var volumeEvents = []string{"FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed"}

// whyNotRunning collects what Kubernetes says of a pod that does not run: its
// conditions, what its containers wait for, and the warnings about it and about
// its claim.
func (n Client) whyNotRunning(pod *corev1.Pod) (reason string, volume bool) {
	var said []string
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			said = append(said, c.Reason+": "+c.Message)
		}
	}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			said = append(said, saying(n.warnings(v.PersistentVolumeClaim.ClaimName))...)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			said = append(said, w.Reason+": "+w.Message)
		}
	}
	mounted, used := false, false
	for _, e := range n.warnings(pod.Name) {
		if e.InvolvedObject.UID != pod.UID || e.Reason == "FailedScheduling" && pod.Spec.NodeName != "" {
			continue // of another pod, or over: it has a node by now
		}
		mounted = mounted || e.Reason == sandboxEvent
		used = used || isOfAnother(e)
		volume = volume || !mounted && slices.Contains(volumeEvents, e.Reason)
		said = append(said, e.Reason+": "+e.Message)
	}
	if len(said) == 0 {
		return "the cluster gives no reason", false
	}
	volume = volume && !used && waitsForVolume(pod)
	if volume {
		// What the pod of a node that is away waits for nobody knows any more.
		if why, _ := n.nodeNotReady(pod.Spec.NodeName); why != "" {
			return strings.Join(append(slices.Compact(said), "node "+pod.Spec.NodeName+" is not ready: "+why), "; "), false
		}
	}
	return strings.Join(slices.Compact(said), "; "), volume
}

// nodeNotReady says why a node is not ready, as far as it may be seen; empty for one that is.
func (n Client) nodeNotReady(name string) (why string, seen bool) {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	byName := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	nodes, err := n.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{FieldSelector: byName})
	if err != nil || len(nodes.Items) == 0 {
		return "", false
	}
	for _, c := range nodes.Items[0].Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return c.Reason + ": " + c.Message, true
		}
	}
	return "", true
}

// sandboxEvent is the reason of an event that tells of what a kubelet does when it has
// mounted a pod's volumes.
const sandboxEvent = "FailedCreatePodSandBox"

// isOfAnother says whether an event tells that somebody else's pod has the volume: what
// that holds the storage does not. The attach-detach controller says so once; what the
// kubelet says of it later is only that it has waited (reportMultiAttachError in
// k8s.io/kubernetes/pkg/controller/volume/attachdetach/reconciler).
func isOfAnother(e corev1.Event) bool {
	return e.Reason == "FailedAttachVolume" && strings.Contains(e.Message, "already used by") && strings.Contains(e.Message, "pod(s)")
}

// waitsForVolume says whether a pod may still be waiting for its volume. Volumes are
// mounted before there is a sandbox, and before images are pulled: a pod that has the
// one, or waits for the other, has its volume.
func waitsForVolume(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReadyToStartContainers && c.Status == corev1.ConditionTrue {
			return false
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w == nil || w.Reason != "ContainerCreating" {
			return false
		}
	}
	return pod.Status.Phase == "" || pod.Status.Phase == corev1.PodPending
}

// whyStillThere says on which node a pod is that does not go, and what is known of
// the node. Without permission to see nodes it says how to look.
func (n Client) whyStillThere(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	pod, err := n.API.CoreV1().Pods(n.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil || pod.Spec.NodeName == "" {
		return ""
	}
	on := "; it is on node " + pod.Spec.NodeName
	why, seen := n.nodeNotReady(pod.Spec.NodeName)
	switch {
	case !seen:
		return on + ". What to do: see whether the node is ready: kubectl get node " + pod.Spec.NodeName
	case why != "":
		return on + ", which is not ready: " + why
	}
	return on + ", which is ready. What to do: see what holds the pod: kubectl describe pod " + name
}

// saying is what events say.
func saying(events []corev1.Event) []string {
	var said []string
	for _, e := range events {
		said = append(said, e.Reason+": "+e.Message)
	}
	return said
}

// warnings are the events of type Warning about an object, newest first. Without
// permission to see them there are none.
func (n Client) warnings(name string) []corev1.Event {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	selector := fields.Set{"involvedObject.name": name, "type": corev1.EventTypeWarning}.AsSelector().String()
	list, err := n.API.CoreV1().Events(n.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		n.Log.WithError(err).Warn("Events cannot be read: reasons are missing from messages")
		return nil
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return b.LastTimestamp.Compare(a.LastTimestamp.Time) })
	return list.Items
}
