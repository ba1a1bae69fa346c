package kube

import (
	"fmt"

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

// unschedulable returns the scheduler's message about a pod without a node, or an empty string.
func unschedulable(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
			return condition.Reason + ": " + condition.Message
		}
	}
	return ""
}
