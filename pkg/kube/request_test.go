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

var errUnavailable = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)

func TestRetry_GivesUpAfterTimeout(t *testing.T) {
	c := newTestClient(t)
	c.Timeout = time.Nanosecond
	err := c.retry(t.Context(), "creating pod write-pod", func(context.Context) error { return errUnavailable })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.ErrorContains(t, err, "timed out after 1ns waiting for the API server: creating pod write-pod")
}

// lossy returns a client that creates a claim on the first request, but returns an error.
func lossy(claim *corev1.PersistentVolumeClaim) *fake.Clientset {
	client := fake.NewClientset()
	first := true
	client.PrependReactor("create", "persistentvolumeclaims", func(clienttesting.Action) (bool, runtime.Object, error) {
		if !first {
			return false, nil, nil
		}
		first = false
		return true, nil, errors.Join(client.Tracker().Add(claim), errUnavailable)
	})
	return client
}

func TestCreate_FindsObjectOfLostAnswer(t *testing.T) {
	c := newTestClient(t)
	ours := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig", UID: "u", Labels: c.Labels},
	}
	c.API = lossy(ours)
	created, err := c.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	require.NoError(t, err)
	assert.Equal(t, ours.UID, created.UID)
}

func TestCreate_ReportsConflictAfterLostAnswer(t *testing.T) {
	c := newTestClient(t)
	c.API = lossy(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig"}})
	_, err := c.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	assert.ErrorIs(t, err, ErrNameConflict)
}

func TestWithTimeout_NamesWhatWasWaitedFor(t *testing.T) {
	c := newTestClient(t)
	c.Timeout = time.Millisecond
	ctx, cancel := c.withTimeout(t.Context(), "pod %s to run", "x")
	defer cancel()
	<-ctx.Done()
	assert.ErrorContains(t, context.Cause(ctx), "timed out after 1ms waiting for pod x to run")
	assert.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
}
