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

func TestOnlyWhatAnEarlierAttemptOfTheSameJobMadeIsRemoved(t *testing.T) {
	n := namespace(t)
	n.Labels = map[string]string{RunLabel: "second", JobLabel: "job"}
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
	n.API = fake.NewClientset(
		&corev1.Pod{ObjectMeta: meta("write-pod", "first", "job")},
		&corev1.Pod{ObjectMeta: meta("theirs", "", "")},
		&corev1.Pod{ObjectMeta: meta("another-jobs", "first", "other")},
		&corev1.Pod{ObjectMeta: meta("this-runs", "second", "job")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("stig-pvc", "first", "job")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("kept", "zeroth", "earlier-job")},
	)
	removed, err := n.RemovePreviousAttempts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"pod write-pod", "claim stig-pvc"}, removed)
	pods, err := n.API.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, pods.Items, 3)
	claims, err := n.API.CoreV1().PersistentVolumeClaims("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, claims.Items, 1)
}

func TestWithoutAJobNothingIsAnEarlierAttempts(t *testing.T) {
	n := namespace(t)
	n.API = fake.NewClientset(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", Namespace: "stig", Labels: map[string]string{RunLabel: "first"}}})
	removed, err := n.RemovePreviousAttempts(t.Context())
	require.NoError(t, err)
	assert.Empty(t, removed)
}

func TestWhatARunMadeIsSweptUpButForWhatItKeeps(t *testing.T) {
	n := namespace(t)
	made := func(name, run string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, UID: types.UID(name), Namespace: "stig", Labels: map[string]string{RunLabel: run}}
	}
	n.API = fake.NewClientset(
		&corev1.Pod{ObjectMeta: made("write-pod", "r")},
		&corev1.Pod{ObjectMeta: made("read-pod", "r")},
		&corev1.Pod{ObjectMeta: made("another-runs", "other")},
		&corev1.PersistentVolumeClaim{ObjectMeta: made("stig-pvc", "r")},
	)
	require.NoError(t, n.RemoveRun(t.Context(), "read-pod"))
	pods, err := n.API.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var left []string
	for _, p := range pods.Items {
		left = append(left, p.Name)
	}
	assert.ElementsMatch(t, []string{"read-pod", "another-runs"}, left)
	claims, err := n.API.CoreV1().PersistentVolumeClaims("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, claims.Items)
}

// The pod of a node that is away does not go.
func TestWhatDoesNotGoKeepsNothingElseFromBeingAsked(t *testing.T) {
	n := namespace(t)
	made := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, UID: types.UID(name), Namespace: "stig", Labels: map[string]string{RunLabel: "r"}}
	}
	client := fake.NewClientset(&corev1.Pod{ObjectMeta: made("write-pod")}, &corev1.PersistentVolumeClaim{ObjectMeta: made("stig-pvc")})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	client.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, nil })
	asked := errors.New("the claim was asked to go")
	client.PrependReactor("delete", "persistentvolumeclaims", func(clienttesting.Action) (bool, runtime.Object, error) {
		cancel(asked)
		return false, nil, nil
	})
	n.API = client
	n, stop, err := n.WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	err = n.RemoveRun(ctx)
	assert.ErrorIs(t, err, asked)
	assert.NotErrorIs(t, err, context.DeadlineExceeded, "the pod was still waited for when the claim was asked to go")
}
