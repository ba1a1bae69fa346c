package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestVolumeHealth_KeepsConditionsThatEnded(t *testing.T) {
	c := newObservedClient(t)
	at := func(second int) metav1.Time { return metav1.Date(2026, 11, 28, 10, 0, second, 0, time.UTC) }
	claims, pods := c.API.CoreV1().PersistentVolumeClaims("stig"), c.API.CoreV1().Pods("stig")
	claim, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "c", Labels: c.Labels},
		Status: corev1.PersistentVolumeClaimStatus{HealthStatus: &corev1.VolumeHealthStatus{
			HealthConditions: []corev1.VolumeHealthCondition{
				{Status: corev1.VolumeHealthDegraded, Reason: "ReplicaDown", Message: "1 of 3 replicas is down"},
			},
			LastTransitionTime: at(9),
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "p", Labels: c.Labels},
		Status: corev1.PodStatus{VolumeHealth: []corev1.PodVolumeHealth{{
			Name:               "data",
			HealthConditions:   []corev1.VolumeHealthCondition{{Status: corev1.VolumeHealthDataLoss, Reason: "BadBlocks"}},
			LastTransitionTime: at(5),
		}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(c.VolumeHealth("c", "p")) == 2 }, time.Minute, time.Millisecond)

	claim.Status.HealthStatus = nil
	_, err = claims.UpdateStatus(t.Context(), claim, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.NoError(t, pods.Delete(t.Context(), "write-pod", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool { return !c.PodTimes("p").DeletedAt.IsZero() }, time.Minute, time.Millisecond)
	var texts []string
	for _, health := range c.VolumeHealth("c", "p", "unknown") {
		texts = append(texts, health.String())
	}
	assert.Equal(t, []string{
		"the CSI driver reported the volume of pod write-pod as DataLoss since 10:00:05Z: BadBlocks",
		"the CSI driver reported the volume of claim stig-pvc as Degraded since 10:00:09Z: ReplicaDown: " +
			"1 of 3 replicas is down",
	}, texts)
}

// Up to Kubernetes 1.36, the kubelet reports an abnormal volume in an event on the pod (pkg/kubelet/server/stats), and
// the external-health-monitor in one on the claim.
func TestSnapshot_ListsEventsAboutAbnormalVolumes(t *testing.T) {
	c := newObservedClient(t)
	_, err := c.API.CoreV1().Pods("stig").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "p", Labels: c.Labels},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.API.CoreV1().PersistentVolumeClaims("stig").Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "c", Labels: c.Labels},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	for _, about := range []corev1.ObjectReference{
		{Kind: "Pod", Name: "write-pod", UID: "p"}, {Kind: "PersistentVolumeClaim", Name: "stig-pvc", UID: "c"},
		{Kind: "Pod", Name: "write-pod", UID: "of another run"},
	} {
		_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: "e-" + string(about.UID)},
			InvolvedObject: about,
			Type:           corev1.EventTypeWarning,
			Reason:         "VolumeConditionAbnormal",
			Message:        "Volume data: the volume is degraded",
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	var events []corev1.Event
	require.Eventually(t, func() bool {
		_, events = c.Snapshot(t.Context())
		return len(events) == 2
	}, time.Minute, time.Millisecond)
	for _, e := range events {
		assert.Equal(t, "VolumeConditionAbnormal", e.Reason)
		assert.NotEqual(t, "of another run", string(e.InvolvedObject.UID))
	}
}
