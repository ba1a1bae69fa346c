package kube

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestHasStarted_RunningOrEnded(t *testing.T) {
	waiting := func(reason string) *corev1.Pod {
		return &corev1.Pod{
			Status: corev1.PodStatus{
				Phase: corev1.PodPending,
				ContainerStatuses: []corev1.ContainerStatus{
					{Name: ContainerName, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}},
				},
			},
		}
	}
	with := func(status corev1.PodStatus) *corev1.Pod { return &corev1.Pod{Status: status} }
	ended := []corev1.ContainerStatus{named(ContainerName, terminated(1))}
	running := []corev1.ContainerStatus{named(ContainerName, runningState())}
	for name, tc := range map[string]struct {
		gone    bool
		pod     *corev1.Pod
		started bool
		fails   string
	}{
		"running":       {false, with(corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: running}), true, ""},
		"ended already": {false, with(corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: ended}), true, ""},
		"evicted":       {false, with(corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}), false, "Evicted"},
		"too many volumes on its node": { // Kubernetes 1.35: MutableCSINodeAllocatableCount
			false, with(corev1.PodStatus{Phase: corev1.PodFailed, Reason: "VolumeAttachmentLimitExceeded"}), false,
			"VolumeAttachmentLimitExceeded",
		},
		"pulling":      {false, waiting("ContainerCreating"), false, ""},
		"back-off":     {false, waiting("ImagePullBackOff"), false, ""},
		"never pulled": {false, waiting("ErrImageNeverPull"), false, "its container cannot be created: ErrImageNeverPull"},
		"deleted":      {true, waiting(""), false, "the pod was deleted, but not by this run"},
	} {
		started, err := hasStarted(tc.gone, tc.pod)
		assert.Equal(t, tc.started, started, name)
		if tc.fails == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, tc.fails, name)
		}
	}
}

func TestDeletePod_AcceptsMissingPod(t *testing.T) {
	c := newTestClient(t)
	require.NoError(t, c.DeletePod(t.Context(), "write-pod", "u", nil), "the pod does not exist")
	assert.False(t, isDeleted(errors.New("other")))
}

func TestRunPod_RecordsTheTimes(t *testing.T) {
	c := newObservedClient(t)
	pods := c.API.CoreV1().Pods("stig")
	pod := c.NewPod(spec())
	pod.UID = "u"
	pod.Namespace = "stig"
	running := pod.DeepCopy()
	running.Spec.NodeName, running.Status.Phase = "n1", corev1.PodRunning
	running.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue},
	}
	running.Status.ContainerStatuses = []corev1.ContainerStatus{
		named(ContainerName, runningState()),
	}
	go func() {
		for {
			if _, err := pods.Update(t.Context(), running, metav1.UpdateOptions{}); err == nil ||
				t.Context().Err() != nil {
				return
			}
		}
	}()
	started, err := c.RunPod(t.Context(), pod)
	require.NoError(t, err)
	assert.Equal(t, "n1", started.Spec.NodeName)
	require.NoError(t, c.DeletePod(t.Context(), pod.Name, "u", nil))
	m := c.PodTimes("u")
	for _, milestone := range []time.Time{m.CreatedAt, m.ScheduledAt, m.MountedAt, m.StartedAt} {
		assert.False(t, milestone.IsZero())
	}
	objects, _ := c.Snapshot(t.Context())
	require.Len(t, objects, 1, "it was deleted, and is still known")
	assert.Equal(t, "Pod", objects[0].GetObjectKind().GroupVersionKind().Kind)
}
