package workload

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

var errAway = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)

func TestARequestIsMadeAgainUntilItIsAnswered(t *testing.T) {
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "write-pod", errors.New("no"))
	for _, answer := range []error{nil, refused} {
		calls := 0
		err := namespace(t).insist(t.Context(), "creating pod write-pod", func(context.Context) error {
			calls++
			if calls == 1 {
				return errAway
			}
			return answer
		})
		assert.Equal(t, answer, err)
		assert.Equal(t, 2, calls)
	}
}

func TestAnAPIServerThatWarmsUpIsWaitedFor(t *testing.T) {
	cold := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "write-pod", errors.New(`User "x" cannot delete resource "pods": RBAC: [role.rbac.authorization.k8s.io "volume-durability-sa" not found]`))
	calls := 0
	require.NoError(t, namespace(t).insist(t.Context(), "deleting pod write-pod", func(context.Context) error {
		calls++
		if calls == 1 {
			return cold
		}
		return nil
	}))
	assert.Equal(t, 2, calls)
}

func TestAnAPIServerThatStaysAwayIsGivenUp(t *testing.T) {
	n := namespace(t)
	n.Timeout = time.Nanosecond
	err := n.insist(t.Context(), "creating pod write-pod", func(context.Context) error { return errAway })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "waited 1ns for the API server: creating pod write-pod")
}

// lossy is a cluster that makes a claim, and loses its first answer.
func lossy(claim *corev1.PersistentVolumeClaim) *fake.Clientset {
	client := fake.NewClientset()
	first := true
	client.PrependReactor("create", "persistentvolumeclaims", func(clienttesting.Action) (bool, runtime.Object, error) {
		if !first {
			return false, nil, nil
		}
		first = false
		return true, nil, errors.Join(client.Tracker().Add(claim), errAway)
	})
	return client
}

func TestWhatWasMadeWhileTheAnswerWasLostIsOurs(t *testing.T) {
	n := namespace(t)
	ours := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig", UID: "u", Labels: n.Labels}}
	n.Client = lossy(ours)
	made, err := n.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	require.NoError(t, err)
	assert.Equal(t, ours.UID, made.UID)
}

func TestWhatSomebodyElseMadeMeanwhileIsNot(t *testing.T) {
	n := namespace(t)
	n.Client = lossy(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig"}})
	_, err := n.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	assert.ErrorIs(t, err, ErrTaken)
}

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
	n.Client = fake.NewClientset(
		&corev1.Pod{ObjectMeta: meta("write-pod", "first", "job")},
		&corev1.Pod{ObjectMeta: meta("theirs", "", "")},
		&corev1.Pod{ObjectMeta: meta("another-jobs", "first", "other")},
		&corev1.Pod{ObjectMeta: meta("this-runs", "second", "job")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("stig-pvc", "first", "job")},
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("kept", "zeroth", "earlier-job")},
	)
	removed, err := n.RemoveEarlier(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"pod write-pod", "claim stig-pvc"}, removed)
	pods, err := n.Client.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, pods.Items, 3)
	claims, err := n.Client.CoreV1().PersistentVolumeClaims("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, claims.Items, 1)
}

func TestWithoutAJobNothingIsAnEarlierAttempts(t *testing.T) {
	n := namespace(t)
	n.Client = fake.NewClientset(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", Namespace: "stig", Labels: map[string]string{RunLabel: "first"}}})
	removed, err := n.RemoveEarlier(t.Context())
	require.NoError(t, err)
	assert.Empty(t, removed)
}

func TestWhatARunMadeIsSweptUpButForWhatItKeeps(t *testing.T) {
	n := namespace(t)
	made := func(name, run string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, UID: types.UID(name), Namespace: "stig", Labels: map[string]string{RunLabel: run}}
	}
	n.Client = fake.NewClientset(
		&corev1.Pod{ObjectMeta: made("write-pod", "r")},
		&corev1.Pod{ObjectMeta: made("read-pod", "r")},
		&corev1.Pod{ObjectMeta: made("another-runs", "other")},
		&corev1.PersistentVolumeClaim{ObjectMeta: made("stig-pvc", "r")},
	)
	require.NoError(t, n.RemoveRest(t.Context(), "read-pod"))
	pods, err := n.Client.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var left []string
	for _, p := range pods.Items {
		left = append(left, p.Name)
	}
	assert.ElementsMatch(t, []string{"read-pod", "another-runs"}, left)
	claims, err := n.Client.CoreV1().PersistentVolumeClaims("stig").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, claims.Items)
}
