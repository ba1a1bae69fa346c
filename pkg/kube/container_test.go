package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func named(name string, state corev1.ContainerState) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: state}
}

func runningState() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func terminated(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func TestContainerOf_FindsContainerByName(t *testing.T) {
	pod := newTestClient(t).NewPod(spec())
	ours := pod.Spec.Containers[0]
	pod.Spec.Containers = []corev1.Container{{Name: "istio-proxy"}, ours}
	assert.Equal(t, &ours, ContainerOf(pod))
	assert.Nil(t, ContainerOf(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy"}}}}))
}

func TestHasStarted_IgnoresSidecars(t *testing.T) {
	for name, tc := range map[string]struct {
		ours, sidecar corev1.ContainerState
		started       bool
	}{
		"the sidecar is first":      {waiting("ContainerCreating", ""), runningState(), false},
		"the sidecar is last":       {runningState(), waiting("ContainerCreating", ""), true},
		"the sidecar never ends":    {terminated(1), runningState(), true},
		"the sidecar is restarting": {runningState(), waiting("CrashLoopBackOff", "back-off"), true},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{
			Phase:             corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{named("istio-proxy", tc.sidecar), named(ContainerName, tc.ours)},
		}}
		started, err := hasStarted(false, pod)
		require.NoError(t, err, name)
		assert.Equal(t, tc.started, started, name)
		assert.Equal(t, tc.ours.Terminated != nil, hasContainerEnded(pod), name)
	}
}

func TestHasStarted_ReportsImageOfNativeSidecar(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{
		Phase:                 corev1.PodPending,
		InitContainerStatuses: []corev1.ContainerStatus{named("istio-proxy", waiting("InvalidImageName", ""))},
		ContainerStatuses:     []corev1.ContainerStatus{named(ContainerName, waiting("PodInitializing", ""))},
	}}
	_, err := hasStarted(false, pod)
	assert.ErrorContains(t, err, "its container cannot be created: InvalidImageName")
}

// The pod stays in phase Running until its sidecar ends.
func TestRunToCompletion_DoesNotWaitForSidecar(t *testing.T) {
	for code, wanted := range map[int32]string{0: "", 1: "kubectl logs"} {
		c := newObservedClient(t)
		pods := c.API.CoreV1().Pods("stig")
		pod := c.NewPod(spec())
		pod.UID = "u"
		ended := pod.DeepCopy()
		ended.Namespace = "stig"
		ended.Status = corev1.PodStatus{
			Phase: corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{
				named("istio-proxy", runningState()), named(ContainerName, terminated(code)),
			},
		}
		go func() {
			for {
				if _, err := pods.Update(t.Context(), ended, metav1.UpdateOptions{}); err == nil || t.Context().Err() != nil {
					return
				}
			}
		}()
		err := c.RunToCompletion(t.Context(), pod)
		if wanted == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, wanted)
		}
	}
}

// With init containers, the kubelet reports another reason before the volumes are mounted.
func TestIsVolumePending_WithNativeSidecar(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{
		Phase:                 corev1.PodPending,
		InitContainerStatuses: []corev1.ContainerStatus{named("istio-proxy", waiting("PodInitializing", ""))},
		ContainerStatuses:     []corev1.ContainerStatus{named(ContainerName, waiting("PodInitializing", ""))},
	}}
	assert.True(t, isVolumePending(pod))
	pod.Status.InitContainerStatuses[0].State = waiting("ImagePullBackOff", "no such image")
	assert.False(t, isVolumePending(pod), "the image is pulled after the volumes are mounted")
	assert.Equal(t, []string{"ImagePullBackOff: no such image"}, waitingMessages(pod))
}

func TestPodChanged_RecordsStartOfOwnContainer(t *testing.T) {
	o := &observer{pods: map[types.UID]*observedPod{}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "u"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{named("istio-proxy", runningState())}
	o.podChanged(pod)
	assert.True(t, o.pods["u"].StartedAt.IsZero())
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, named(ContainerName, runningState()))
	o.podChanged(pod)
	assert.False(t, o.pods["u"].StartedAt.IsZero())
}
