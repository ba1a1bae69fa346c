package kube

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func podOnNode(name, claim, node string, age time.Duration, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "stig", CreationTimestamp: metav1.NewTime(time.Unix(1e9, 0).Add(-age)),
		},
		Spec: corev1.PodSpec{NodeName: node, Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}}},
		Status: corev1.PodStatus{Phase: phase},
	}
}

func TestNodeOfClaim_IsNodeOfOldestApplication(t *testing.T) {
	c := newTestClient(t)
	ours := podOnNode("write-pod", "theirs", "n1", 5*time.Hour, corev1.PodRunning)
	ours.Labels = c.Labels
	c.API = fake.NewClientset(ours,
		podOnNode("ended", "theirs", "n2", 4*time.Hour, corev1.PodSucceeded),
		podOnNode("pending", "theirs", "", 3*time.Hour, corev1.PodPending),
		podOnNode("another", "other", "n3", 3*time.Hour, corev1.PodRunning),
		podOnNode("app-1", "theirs", "n4", time.Hour, corev1.PodRunning),
		podOnNode("app-0", "theirs", "n5", 2*time.Hour, corev1.PodRunning),
	)
	node, err := c.NodeOfClaim(t.Context(), "theirs")
	require.NoError(t, err)
	assert.Equal(t, "n5", node)
	node, err = c.NodeOfClaim(t.Context(), "unused")
	require.NoError(t, err)
	assert.Empty(t, node)
}

func TestNodeOfClaim_ReturnsError(t *testing.T) {
	c, api := newTestClient(t), fake.NewClientset()
	api.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no permission")
	})
	c.API = api
	_, err := c.NodeOfClaim(t.Context(), "theirs")
	assert.ErrorContains(t, err, "listing the pods that use claim stig/theirs: no permission")
}
