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

// diagnosisTimeout limits the requests that look for the cause of a failure. They are made after the timeout of the
// failed wait, and therefore need a time of their own.
const diagnosisTimeout = 10 * time.Second

// volumeEvents are the reasons of events about a volume that could not be attached or mounted
// (k8s.io/kubernetes/pkg/kubelet/events, and the attach-detach controller).
var volumeEvents = []string{"FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed"}

// sandboxEvent is the reason of an event about the pod's sandbox, which the kubelet creates after it has mounted the
// volumes.
const sandboxEvent = "FailedCreatePodSandBox"

// podFacts is what Kubernetes reports about a pod that is not running.
type podFacts struct {
	// messages are the reasons and messages of conditions, events and container states.
	messages []string
	// volumeFailed is set if there is an event about the volume, and no later one about the sandbox.
	volumeFailed bool
	// volumePending is set if the volume may not be mounted yet.
	volumePending bool
	// volumeInUse is set if another pod uses the volume.
	volumeInUse bool
	// nodeNotReady explains why the pod's node is not ready; empty if it is ready or could not be read.
	nodeNotReady string
}

// diagnosis is the explanation why a pod is not running.
type diagnosis struct {
	reason string
	// volumeUnavailable is set if the cause is that the volume could not be attached or mounted.
	volumeUnavailable bool
}

// diagnose explains why a pod is not running.
func (c Client) diagnose(pod *corev1.Pod) diagnosis {
	return classify(c.collectFacts(pod))
}

// classify decides whether the volume is the cause. The first case that applies decides.
func classify(f podFacts) diagnosis {
	messages := f.messages
	unavailable := false
	switch {
	case len(messages) == 0:
		return diagnosis{reason: "Kubernetes reports no reason"}
	case !f.volumeFailed:
		// Nothing is reported about the volume.
	case !f.volumePending:
		// The volume was mounted in the end. The pod waits for something else, such as its image.
	case f.volumeInUse:
		// Another pod uses the volume. The storage is right to reject a second one.
	case f.nodeNotReady != "":
		// The events are out of date: the kubelet of this node no longer reports whether the volume is mounted.
		messages = append(slices.Clone(messages), f.nodeNotReady)
	default:
		unavailable = true
	}
	return diagnosis{reason: strings.Join(slices.Compact(messages), "; "), volumeUnavailable: unavailable}
}

// collectFacts asks the API server what it reports about a pod.
func (c Client) collectFacts(pod *corev1.Pod) podFacts {
	f := podFacts{volumePending: isVolumePending(pod), messages: schedulingMessages(pod)}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			for _, e := range c.warnings(v.PersistentVolumeClaim.ClaimName) {
				f.messages = append(f.messages, e.Reason+": "+e.Message)
			}
		}
	}
	f.messages = append(f.messages, waitingMessages(pod)...)
	f.addPodEvents(pod, c.warnings(pod.Name))
	if f.volumeFailed && f.volumePending {
		if message, _ := c.nodeNotReady(pod.Spec.NodeName); message != "" {
			f.nodeNotReady = "node " + pod.Spec.NodeName + " is not ready: " + message
		}
	}
	return f
}

// addPodEvents adds the warnings about a pod, which are sorted newest first.
func (f *podFacts) addPodEvents(pod *corev1.Pod, warnings []corev1.Event) {
	mounted := false
	for _, e := range warnings {
		ofAnotherPod := e.InvolvedObject.UID != pod.UID
		outdated := e.Reason == "FailedScheduling" && pod.Spec.NodeName != ""
		if ofAnotherPod || outdated {
			continue
		}
		mounted = mounted || e.Reason == sandboxEvent
		f.volumeFailed = f.volumeFailed || !mounted && slices.Contains(volumeEvents, e.Reason)
		f.volumeInUse = f.volumeInUse || isUsedByAnotherPod(e)
		f.messages = append(f.messages, e.Reason+": "+e.Message)
	}
}

func schedulingMessages(pod *corev1.Pod) []string {
	var messages []string
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			messages = append(messages, condition.Reason+": "+condition.Message)
		}
	}
	return messages
}

func waitingMessages(pod *corev1.Pod) []string {
	var messages []string
	for _, s := range allStatuses(pod) {
		if w := s.State.Waiting; w != nil && w.Message != "" {
			messages = append(messages, w.Reason+": "+w.Message)
		}
	}
	return messages
}

// isUsedByAnotherPod reports whether an event says that another pod uses the volume. Only the attach-detach controller
// reports it, and only once; later events of the kubelet report nothing but a timeout (reportMultiAttachError in
// k8s.io/kubernetes/pkg/controller/volume/attachdetach/reconciler).
func isUsedByAnotherPod(e corev1.Event) bool {
	return e.Reason == "FailedAttachVolume" &&
		strings.Contains(e.Message, "already used by") && strings.Contains(e.Message, "pod(s)")
}

// isVolumePending reports whether a pod may still be waiting for its volume. The kubelet mounts volumes before it
// creates the sandbox and before it pulls images. A pod that has a sandbox or waits for an image has its volume.
func isVolumePending(pod *corev1.Pod) bool {
	if isTrue(pod, corev1.PodReadyToStartContainers) {
		return false
	}
	for _, s := range allStatuses(pod) {
		if !isInitialState(s.State) {
			return false
		}
	}
	return pod.Status.Phase == "" || pod.Status.Phase == corev1.PodPending
}

// nodeNotReady returns why a node is not ready; an empty message if it is. Known is false if the node could not be
// read.
func (c Client) nodeNotReady(name string) (message string, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	byName := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	nodes, err := c.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{FieldSelector: byName})
	if err != nil || len(nodes.Items) == 0 {
		return "", false
	}
	for _, condition := range nodes.Items[0].Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return condition.Reason + ": " + condition.Message, true
		}
	}
	return "", true
}

// explainNotDeleted returns the end of an error about a pod that was not deleted in time: its node, and what to do.
func (c Client) explainNotDeleted(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	pod, err := c.API.CoreV1().Pods(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil || pod.Spec.NodeName == "" {
		return ""
	}
	node := pod.Spec.NodeName
	message, known := c.nodeNotReady(node)
	switch {
	case !known:
		return "; it is on node " + node + ". What to do: check whether the node is ready: kubectl get node " + node
	case message != "":
		return "; it is on node " + node + ", which is not ready: " + message
	}
	return "; it is on node " + node + ", which is ready. " +
		"What to do: check why the pod is not deleted: kubectl describe pod -n " + c.Namespace + " " + name
}

// warnings returns the events of type Warning about an object, newest first. It returns none if they cannot be read.
func (c Client) warnings(name string) []corev1.Event {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	selector := fields.Set{"involvedObject.name": name, "type": corev1.EventTypeWarning}.AsSelector().String()
	list, err := c.API.CoreV1().Events(c.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		c.Log.WithError(err).Warn("Could not list events; error messages will lack reasons")
		return nil
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int {
		return b.LastTimestamp.Compare(a.LastTimestamp.Time)
	})
	return list.Items
}
