package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// ContainerOf returns the container of the run in a pod, and nil if the pod has none. Admission webhooks may add other
// containers before it.
func ContainerOf(pod *corev1.Pod) *corev1.Container {
	i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == ContainerName })
	if i < 0 {
		return nil
	}
	return &pod.Spec.Containers[i]
}

// ContainerStatus returns the status of the container of the run in a pod, and nil if the kubelet has not reported it.
func ContainerStatus(pod *corev1.Pod) *corev1.ContainerStatus {
	statuses := pod.Status.ContainerStatuses
	i := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool { return s.Name == ContainerName })
	if i < 0 {
		return nil
	}
	return &statuses[i]
}

// hasContainerStarted reports whether the container of the run runs or has run.
func hasContainerStarted(pod *corev1.Pod) bool {
	s := ContainerStatus(pod)
	return s != nil && (s.State.Running != nil || s.State.Terminated != nil)
}

// hasContainerEnded reports whether the container of the run has run and ended. Other containers may still run.
func hasContainerEnded(pod *corev1.Pod) bool {
	s := ContainerStatus(pod)
	return s != nil && s.State.Terminated != nil
}

// hasContainerSucceeded reports whether the container of the run has ended without an error.
func hasContainerSucceeded(pod *corev1.Pod) bool {
	return hasContainerEnded(pod) && ContainerStatus(pod).State.Terminated.ExitCode == 0
}

// allStatuses returns the statuses of all containers of a pod. Those of init containers, which native sidecars are,
// come first.
func allStatuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

// isInitialState reports whether a container is in the state that the kubelet reports before it has created the pod's
// sandbox. The reason is PodInitializing if the pod has init containers.
func isInitialState(state corev1.ContainerState) bool {
	return state.Waiting != nil &&
		(state.Waiting.Reason == "ContainerCreating" || state.Waiting.Reason == "PodInitializing")
}
