package kube

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestDeletePreviousAttempts_DeletesOnlyObjectsOfSameJob(t *testing.T) {
	c := newTestClient(t)
	c.Labels = map[string]string{RunLabel: "second", JobLabel: "job"}
	meta := func(name, run, job string) metav1.ObjectMeta {
		m := metav1.ObjectMeta{Name: name, UID: types.UID(name), Namespace: "stig", Labels: map[string]string{}}
		if run != "" {
			m.Labels[RunLabel] = run
		}
		if job != "" {
			m.Labels[JobLabel] = job
		}
		return m
	}
	c.API = fake.NewClientset(&corev1.Pod{ObjectMeta: meta("write-pod", "first", "job")},
		&corev1.Pod{ObjectMeta: meta("not-ours", "", "")},
		&corev1.Pod{ObjectMeta: meta("of-another-job", "first", "other")},
		&corev1.Pod{ObjectMeta: meta("of-this-run", "second", "job")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("stig-pvc", "first", "job")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("kept", "zeroth", "earlier-job")})
	removed, err := c.DeletePreviousAttempts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"pod write-pod", "claim stig-pvc"}, removed)
	pods, err := c.API.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, pods.Items, 3)
	claims, err := c.API.CoreV1().PersistentVolumeClaims("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, claims.Items, 1)
}

func TestDeletePreviousAttempts_DeletesNothingWithoutJob(t *testing.T) {
	c := newTestClient(t)
	c.API = fake.NewClientset(
		&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name:      "write-pod",
				Namespace: "stig",
				Labels:    map[string]string{RunLabel: "first"},
			},
		},
	)
	removed, err := c.DeletePreviousAttempts(t.Context())
	require.NoError(t, err)
	assert.Empty(t, removed)
}

func TestDeleteRun_KeepsNamedObjects(t *testing.T) {
	c := newTestClient(t)
	meta := func(name, run string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Name:      name,
			UID:       types.UID(name),
			Namespace: "stig",
			Labels:    map[string]string{RunLabel: run},
		}
	}
	c.API = fake.NewClientset(&corev1.Pod{ObjectMeta: meta("write-pod", "r")},
		&corev1.Pod{ObjectMeta: meta("read-pod", "r")}, &corev1.Pod{ObjectMeta: meta("of-another-run", "other")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("stig-pvc", "r")})
	require.NoError(t, c.DeleteRun(t.Context(), "read-pod"))
	pods, err := c.API.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var left []string
	for _, p := range pods.Items {
		left = append(left, p.Name)
	}
	assert.ElementsMatch(t, []string{"read-pod", "of-another-run"}, left)
	claims, err := c.API.CoreV1().PersistentVolumeClaims("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, claims.Items)
}

// A pod on a node that is not ready is not deleted.
func TestDeleteRun_DeletesConcurrently(t *testing.T) {
	c := newTestClient(t)
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Name:      name,
			UID:       types.UID(name),
			Namespace: "stig",
			Labels:    map[string]string{RunLabel: "r"},
		}
	}
	client := fake.NewClientset(&corev1.Pod{ObjectMeta: meta("write-pod")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("stig-pvc")})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	client.PrependReactor("delete", "pods",
		func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, nil })
	requested := errors.New("the claim was requested to be deleted")
	client.PrependReactor("delete", "persistentvolumeclaims", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(requested)
		return false, nil, nil
	})
	c.API = client
	c, stop, err := c.WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	err = c.DeleteRun(ctx)
	assert.ErrorIs(t, err, requested)
	assert.NotErrorIs(t, err, context.DeadlineExceeded, "the deletion of the claim must not wait for the pod")
}

func TestDeletePod_ErrorNamesThePodIfTheCleanupTimedOut(t *testing.T) {
	c := newTestClient(t)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "write-pod", UID: "u", Namespace: "stig", Labels: map[string]string{RunLabel: "r"},
		},
		Spec: corev1.PodSpec{NodeName: "n1"},
	}
	client := fake.NewClientset(pod, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	client.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(errors.New("the cleanup timed out"))
		return true, nil, nil
	})
	c.API = client
	c, stop, err := c.WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	err = c.DeletePod(ctx, "write-pod", "u", nil)
	assert.ErrorContains(t, err, "waiting for pod stig/write-pod to be deleted: the cleanup timed out; the pod is on node n1")
}

func TestExplainNotDeleted_SaysWhatToDoAboutTheNode(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", Namespace: "stig"}, Spec: corev1.PodSpec{NodeName: "n1"},
	}
	node := func(status corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "n1"},
			Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: status, Reason: "NodeStatusUnknown",
				Message: "Kubelet stopped posting node status.",
			}}},
		}
	}
	for want, objects := range map[string][]runtime.Object{
		"": nil,
		"; the pod is on node n1. To fix this: check whether the node is ready: kubectl get node n1": {pod},
		"; the pod is on node n1, which is ready. To fix this: check why the pod is not deleted: " +
			"kubectl describe pod -n stig write-pod": {pod, node(corev1.ConditionTrue)},
		"; the pod is on node n1, which is not ready: NodeStatusUnknown: Kubelet stopped posting node status. " +
			"To fix this: make the node ready. If it is switched off and stays off, run: " +
			"kubectl taint node n1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute": {
			pod, node(corev1.ConditionUnknown),
		},
	} {
		c := newTestClient(t)
		c.API = fake.NewClientset(objects...)
		assert.Equal(t, want, c.explainNotDeleted("write-pod"))
	}
}
