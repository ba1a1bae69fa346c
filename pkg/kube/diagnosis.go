package kube

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/scheduling"
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
	// attachedElsewhere is set if the volume is still attached to another node.
	attachedElsewhere bool
	// nodeLeaving explains why that other node may not detach the volume, and until when; empty if it should.
	nodeLeaving string
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
	case f.nodeLeaving != "":
		// The volume is still attached to a node that cannot unmount it. Kubernetes waits before it detaches by force.
		messages = append(slices.Clone(messages), f.nodeLeaving)
	default:
		unavailable = true
	}
	return diagnosis{reason: strings.Join(withoutRepetitions(messages), "; "), volumeUnavailable: unavailable}
}

// withoutRepetitions leaves out the messages of which an earlier one has the cause. If an image cannot be pulled, the
// state of the container and three events have the same cause. Each attempt to create a container has another ID.
func withoutRepetitions(messages []string) []string {
	var kept []string
	for _, m := range messages {
		cause := withoutContainerID(causeIn(m))
		if !slices.ContainsFunc(kept, func(k string) bool { return strings.Contains(withoutContainerID(k), cause) }) {
			kept = append(kept, m)
		}
	}
	for i := range kept {
		kept[i] = withoutBackOff(kept[i])
	}
	return kept
}

var containerID = regexp.MustCompile(`container "[0-9a-f]{64}"`)

// withoutContainerID returns a message without the ID of a container. Each attempt to create one has another ID.
func withoutContainerID(message string) string {
	return containerID.ReplaceAllString(message, "container")
}

// causeIn returns the part of a message that other messages about the same failure have as well: "Failed: Failed to
// pull image "a": not found" has "not found".
func causeIn(message string) string {
	reason, text, _ := strings.Cut(message, ": ")
	if reason != "Failed" && reason != "BackOff" { // the kubelet's events about containers
		return message
	}
	if _, cause, found := strings.Cut(text, ": "); found {
		return cause
	}
	return text
}

// collectFacts asks the API server what it reports about a pod.
func (c Client) collectFacts(pod *corev1.Pod) podFacts {
	f := podFacts{volumePending: isVolumePending(pod), messages: conditionMessages(pod)}
	volumes := f.addClaims(c, pod)
	f.messages = append(f.messages, waitingMessages(pod)...)
	f.addPodEvents(pod, c.reports(pod.UID, time.Time{}))
	if f.volumeFailed && f.volumePending {
		if message, _ := c.nodeNotReady(pod.Spec.NodeName); message != "" {
			f.nodeNotReady = "node " + pod.Spec.NodeName + " is not ready: " + message
		}
		if f.attachedElsewhere {
			f.nodeLeaving = c.nodeLeaving(pod, volumes)
		}
	}
	return f
}

// addClaims adds what is reported about the claims of a pod, and returns their volumes. A claim that existed before the
// run may have events from then, which explain nothing.
func (f *podFacts) addClaims(c Client, pod *corev1.Pod) (volumes []string) {
	for _, name := range claimsOf(pod) {
		claim := c.readClaim(name)
		if claim == nil {
			continue
		}
		if claim.Spec.VolumeName != "" {
			volumes = append(volumes, claim.Spec.VolumeName)
		}
		if claim.Status.Phase == corev1.ClaimBound {
			continue // What kept the claim from being bound is over.
		}
		var since time.Time
		if !c.isOfThisRun(claim) {
			since = pod.CreationTimestamp.Time
		}
		for _, e := range c.reports(claim.UID, since) {
			f.messages = append(f.messages, e.Reason+": "+e.Message)
		}
	}
	return volumes
}

// readClaim returns a claim as it was last observed or, if it is not one of a run, reads it from the API server. It
// returns nil if the claim cannot be read.
func (c Client) readClaim(name string) *corev1.PersistentVolumeClaim {
	if observed := c.observer.existingClaim(name); observed != nil {
		return observed
	}
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	claim, err := c.API.CoreV1().PersistentVolumeClaims(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return claim
}

// addPodEvents adds the reports about a pod, which are sorted newest first.
func (f *podFacts) addPodEvents(pod *corev1.Pod, reports []corev1.Event) {
	mounted := false
	for _, e := range reports {
		if pod.Spec.NodeName != "" && slices.Contains(schedulingEvents, e.Reason) {
			continue // The pod has a node by now.
		}
		mounted = mounted || e.Reason == sandboxEvent
		f.volumeFailed = f.volumeFailed || !mounted && slices.Contains(volumeEvents, e.Reason)
		f.volumeInUse = f.volumeInUse || isUsedByAnotherPod(e)
		f.attachedElsewhere = f.attachedElsewhere || isAttachedElsewhere(e)
		f.messages = append(f.messages, e.Reason+": "+e.Message)
	}
}

// conditionMessages returns why a pod has no node, or no sandbox. Since 1.37, the kubelet reports the latter as reason
// PodSandboxNotReady (k8s.io/kubernetes/pkg/kubelet/types/constants.go).
func conditionMessages(pod *corev1.Pod) []string {
	var messages []string
	for _, condition := range pod.Status.Conditions {
		reported := condition.Type == corev1.PodScheduled || condition.Type == corev1.PodReadyToStartContainers
		if reported && condition.Status == corev1.ConditionFalse && condition.Reason != "" {
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

// isUsedByAnotherPod reports whether an event shows that another pod uses the volume, which prevents this pod from
// using it. Only the attach-detach controller reports it, and only once; later events of the kubelet report only a
// timeout (reportMultiAttachError in k8s.io/kubernetes/pkg/controller/volume/attachdetach/reconciler). With another
// SELinux label, the kubelet reports it (pkg/kubelet/volumemanager/cache).
func isUsedByAnotherPod(e corev1.Event) bool {
	switch e.Reason {
	case "FailedAttachVolume":
		return strings.Contains(e.Message, "already used by") && strings.Contains(e.Message, "pod(s)")
	case "FailedMount":
		return strings.Contains(e.Message, seLinuxConflict) || strings.Contains(e.Message, seLinuxMismatch)
	}
	return false
}

// What the kubelet reports if another pod uses the volume on its node with another SELinux label: when it processes
// the pod, and when it finds the volume mounted.
const (
	seLinuxConflict = "conflicting SELinux labels"
	seLinuxMismatch = "mounted to a different pod with a different SELinux label"
)

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
	node, known := c.readNode(name)
	if node == nil {
		return "", false
	}
	return notReady(node), known
}

func notReady(node *corev1.Node) string {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return condition.Reason + ": " + condition.Message
		}
	}
	return ""
}

// readNode returns a node, or nil if it does not exist. Known is false if nodes cannot be read.
func (c Client) readNode(name string) (node *corev1.Node, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	byName := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	nodes, err := c.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{FieldSelector: byName})
	if err != nil {
		return nil, false
	}
	for _, n := range nodes.Items {
		if n.Name == name {
			return &n, true
		}
	}
	return nil, true
}

// outOfService is the taint with which Kubernetes deletes the pods of a node that is switched off, and detaches its
// volumes.
const outOfService = corev1.TaintNodeOutOfService + "=nodeshutdown:NoExecute"

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
		return "; the pod is on node " + node + advice.Sentence("check whether the node is ready: kubectl get node "+node)
	case message != "":
		return "; the pod is on node " + node + ", which is not ready: " + message + advice.After(message, "make the node "+
			"ready. If it is switched off and stays off, run: kubectl taint node "+node+" "+outOfService)
	}
	return "; the pod is on node " + node + ", which is ready" +
		advice.Sentence("check why the pod is not deleted: kubectl describe pod -n "+c.Namespace+" "+name)
}

// informative are the reasons of events of type Normal that explain why a pod or a claim waits.
var informative = []string{
	failedBinding, externalProvisioning, "TriggeredScaleUp", "NotTriggerScaleUp", "Nominated",
}

// schedulingEvents are the reasons of events that are out of date once the pod has a node.
var schedulingEvents = []string{
	"FailedScheduling", "TriggeredScaleUp", "NotTriggerScaleUp", "FailedScaleUp", "Nominated",
}

// reports returns the events since a time that explain why the object with a UID waits, newest first. Another object
// may have had the same name before. It returns none if events cannot be read.
func (c Client) reports(object types.UID, since time.Time) []corev1.Event {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosisTimeout)
	defer cancel()
	selector := fields.OneTermEqualSelector("involvedObject.uid", string(object)).String()
	list, err := c.API.CoreV1().Events(c.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		c.Log.WithError(err).Warn("Could not list events; error messages will not contain the causes")
		return nil
	}
	events := slices.DeleteFunc(list.Items, func(e corev1.Event) bool {
		explains := e.Type == corev1.EventTypeWarning || slices.Contains(informative, e.Reason)
		return !explains || e.InvolvedObject.UID != object || scheduling.LastSeen(e).Before(since)
	})
	sortNewestFirst(events)
	return events
}

func sortNewestFirst(events []corev1.Event) {
	slices.SortStableFunc(events, func(a, b corev1.Event) int {
		return scheduling.LastSeen(b).Compare(scheduling.LastSeen(a))
	})
}

// latestWarning returns the newest warning, except for some reasons; empty if there is none.
func latestWarning(newestFirst []corev1.Event, except ...string) string {
	for _, e := range newestFirst {
		if e.Type == corev1.EventTypeWarning && !slices.Contains(except, e.Reason) {
			return e.Reason + ": " + e.Message
		}
	}
	return ""
}
