package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The conditions are those of setUnusedCondition in pkg/controller/volume/pvcprotection of Kubernetes 1.37.
func TestUnusedPeriods_FollowTheCondition(t *testing.T) {
	c := newObservedClient(t)
	claims := c.API.CoreV1().PersistentVolumeClaims("stig")
	claim, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "u", Labels: c.Labels},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	// observe changes the condition and returns the periods once there are as many, and one of them is ended or not.
	observe := func(condition corev1.PersistentVolumeClaimCondition, want int, ended bool) []UnusedPeriod {
		condition.Type = corev1.PersistentVolumeClaimUnused
		claim.Status.Conditions = []corev1.PersistentVolumeClaimCondition{condition}
		claim, err = claims.UpdateStatus(t.Context(), claim, metav1.UpdateOptions{})
		require.NoError(t, err)
		var periods []UnusedPeriod
		require.Eventually(t, func() bool {
			var reported bool
			periods, reported = c.UnusedPeriods("u")
			return reported && len(periods) == want && (want == 0 || periods[want-1].Ended.IsZero() != ended)
		}, time.Minute, time.Millisecond)
		return periods
	}
	at := func(second int) metav1.Time { return metav1.Date(2026, 11, 28, 10, 0, second, 0, time.UTC) }
	used := func(second int) corev1.PersistentVolumeClaimCondition {
		return corev1.PersistentVolumeClaimCondition{
			Status: corev1.ConditionFalse, LastTransitionTime: at(second),
			Reason: "PodUsingPVC", Message: "A pod is currently referencing this PVC",
		}
	}
	unused := func(second int) corev1.PersistentVolumeClaimCondition {
		return corev1.PersistentVolumeClaimCondition{
			Status: corev1.ConditionTrue, LastTransitionTime: at(second),
			Reason: "NoPodsUsingPVC", Message: "No pods are currently referencing this PVC",
		}
	}
	_, reported := c.UnusedPeriods("u")
	assert.False(t, reported, "Kubernetes 1.36 does not set the condition")
	observe(used(1), 0, false)
	first := observe(unused(5), 1, false)[0]
	assert.Equal(t, at(5).UTC(), first.Since)
	assert.False(t, first.Seen.IsZero())
	ended := observe(used(7), 1, true)[0]
	assert.False(t, ended.Ended.Before(ended.Seen))
	// The states between these two were not observed: the transition time shows that there were any.
	observe(unused(9), 2, false)
	periods := observe(unused(12), 3, false)
	assert.False(t, periods[1].Ended.IsZero())
	assert.Equal(t, at(12).UTC(), periods[2].Since)
}
