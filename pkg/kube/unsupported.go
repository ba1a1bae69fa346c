package kube

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// UnsupportedError is returned if the cluster cannot do what was requested and waiting would not change that.
type UnsupportedError struct {
	// Object is the kind, namespace and name of the claim or pod.
	Object string
	// Message is what Kubernetes reports about it.
	Message string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s: not supported by this cluster: %s%s", e.Object, e.Message, Hint(e.Message))
}

// permanentCodes are the gRPC codes with which a CSI driver rejects a volume permanently (CSI spec.md, "Error Scheme").
var permanentCodes = []string{"code = invalidargument", "code = unimplemented"}

// permanentTexts are parts of messages with which provisioners without gRPC codes reject a volume permanently.
var permanentTexts = []string{"not supported", "unsupported", "only support", "does not support"}

// isPermanent reports whether a provisioner's error would be the same on every retry. The gRPC code decides, if there
// is one. The text decides if there is no code, or the code is Unknown, which grpc-go reports for errors without one.
func isPermanent(message string) bool {
	message = strings.ToLower(message)
	contains := func(text string) bool { return strings.Contains(message, text) }
	if contains("code = ") && !contains("code = unknown") {
		return slices.ContainsFunc(permanentCodes, contains)
	}
	return slices.ContainsFunc(permanentTexts, contains)
}

// placementReasons are the scheduler's reasons that are only about the nodes on which the pod or its volume may be.
var placementReasons = []string{
	"didn't match PersistentVolume's node affinity", "had volume node affinity conflict",
	"didn't match Pod's node affinity/selector", "didn't satisfy plugin(s) [NodeAffinity]",
}

var nodeCount = regexp.MustCompile(`^\d+ node\(s\) `)

// volumeNodeConflict reports whether a pod cannot be scheduled because its volume is only available on nodes on which
// the pod must not run, and returns the scheduler's message. Waiting does not help, unless nodes are added.
func volumeNodeConflict(pod *corev1.Pod) (message string, conflict bool) {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
			return condition.Reason + ": " + condition.Message, isVolumeNodeConflict(condition.Message)
		}
	}
	return "", false
}

// isVolumeNodeConflict reports whether a scheduler's message names a conflict with the volume's node affinity, and
// names no reason that is not about placement.
func isVolumeNodeConflict(message string) bool {
	_, reasons, found := strings.Cut(message, "nodes are available: ")
	reasons, _, _ = strings.Cut(reasons, ". ")
	ofVolume := strings.Contains(reasons, "PersistentVolume's node affinity") ||
		strings.Contains(reasons, "volume node affinity conflict")
	if !found || !ofVolume {
		return false
	}
	for reason := range strings.SplitSeq(strings.TrimSuffix(reasons, "."), ", ") {
		if !slices.Contains(placementReasons, nodeCount.ReplaceAllString(reason, "")) {
			return false
		}
	}
	return true
}
