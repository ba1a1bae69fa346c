package kube

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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

var errAway = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)

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
	n.API = lossy(ours)
	made, err := n.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	require.NoError(t, err)
	assert.Equal(t, ours.UID, made.UID)
}

func TestWhatSomebodyElseMadeMeanwhileIsNot(t *testing.T) {
	n := namespace(t)
	n.API = lossy(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig"}})
	_, err := n.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	assert.ErrorIs(t, err, ErrNameConflict)
}
