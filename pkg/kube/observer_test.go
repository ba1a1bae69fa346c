package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// newObservedClient returns a client with an observer. The test changes the objects.
func newObservedClient(t *testing.T) Client {
	t.Helper()
	c, stop, err := newTestClient(t).WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	return c
}

func TestWithObserver_FailsAtOnceIfForbidden(t *testing.T) {
	c := newTestClient(t)
	c.Timeout = time.Hour
	client := c.API.(*fake.Clientset)
	for _, resource := range []string{"pods", "persistentvolumeclaims"} {
		client.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "",
				errors.New(`User "x" cannot list resource`))
		})
	}
	_, _, err := c.WithObserver(t.Context())
	assert.ErrorContains(t, err, "listing pods in namespace stig: pods is forbidden")
	assert.ErrorContains(t, err, "listing claims in namespace stig: persistentvolumeclaims is forbidden")
	assert.ErrorContains(t, err, "To fix this: grant the permissions in rbac.yaml")
}

func TestRunPod_FailsAtOnceIfProvisionerRejectsClaim(t *testing.T) {
	c := newObservedClient(t)
	claim, err := c.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	require.NoError(t, err)
	_, err = c.API.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name: "e",
		},
		InvolvedObject: corev1.ObjectReference{Kind: "PersistentVolumeClaim", Name: claim.Name, UID: claim.UID},
		Type:           "Warning",
		Reason:         "ProvisioningFailed",
		Message:        "rpc error: code = InvalidArgument desc = access mode is not supported",
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.RunPod(t.Context(), c.NewPod(spec()))
	var rejected *UnsupportedError
	require.ErrorAs(t, err, &rejected)
	assert.ErrorContains(t, err,
		"claim stig/stig-pvc: not supported by this cluster: ProvisioningFailed: rpc error: code = InvalidArgument desc = access mode is not supported")
}

func TestProvisioningError_OnlyOfPendingClaim(t *testing.T) {
	claim := func(name string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: "claim"},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
		}
	}
	pod := newTestClient(t).NewPod(spec())
	pending, bound := claim("stig-pvc", corev1.ClaimPending), claim("stig-pvc", corev1.ClaimBound)
	another := claim("other", corev1.ClaimPending)
	reject := func(o *observer) {
		e := claimEvent("ProvisioningFailed", "rpc error: code = InvalidArgument desc = no")
		o.eventChanged(&e)
	}
	for name, tc := range map[string]struct {
		observe func(*observer)
		want    bool
	}{
		"pending": {func(o *observer) {
			o.claimChanged(pending)
			reject(o)
		}, true},
		"bound by now": {func(o *observer) {
			reject(o)
			o.claimChanged(bound)
		}, false},
		"only an event about an earlier claim": {reject, false},
		"deleted": {func(o *observer) {
			o.claimChanged(pending)
			reject(o)
			o.claimDeleted(pending, false)
		}, false},
		"another claim": {func(o *observer) {
			o.claimChanged(another)
			reject(o)
		}, false},
		"not rejected": {func(o *observer) { o.claimChanged(pending) }, false},
	} {
		o := newObserver(logrus.New())
		tc.observe(o)
		assert.Equal(t, tc.want, o.provisioningError(pod) != nil, name)
	}
}

func TestPodDeleted_ShortensLongArguments(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Command: []string{"write", strings.Repeat("x", 3000)}}}},
	}
	o := newObserver(logrus.New())
	o.podChanged(pod)
	assert.Len(t, o.pods["u"].latest.Spec.Containers[0].Command[1], 3000, "the pod may still exist")
	o.podDeleted(pod, false)
	kept := o.pods["u"].latest
	assert.Equal(t, []string{"write", strings.Repeat("x", 1024) + "… (3000 bytes)"}, kept.Spec.Containers[0].Command)
	assert.Len(t, pod.Spec.Containers[0].Command[1], 3000, "the object of the watch is not changed")
}
