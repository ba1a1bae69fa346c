package kube

import (
	"errors"
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
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
		}
	}
	pod := newTestClient(t).NewPod(spec())
	pending, bound := claim("stig-pvc", corev1.ClaimPending), claim("stig-pvc", corev1.ClaimBound)
	another := claim("other", corev1.ClaimPending)
	for name, tc := range map[string]struct {
		claim *observedClaim
		want  bool
	}{
		"pending":                              {&observedClaim{name: "stig-pvc", latest: pending, rejection: "no"}, true},
		"bound by now":                         {&observedClaim{name: "stig-pvc", latest: bound, rejection: "no"}, false},
		"only an event about an earlier claim": {&observedClaim{name: "stig-pvc", rejection: "no"}, false},
		"deleted": {
			&observedClaim{name: "stig-pvc", latest: pending, deleted: true, rejection: "no"}, false,
		},
		"another claim": {&observedClaim{name: "other", latest: another, rejection: "no"}, false},
		"not rejected":  {&observedClaim{name: "stig-pvc", latest: pending}, false},
	} {
		o := &observer{claims: map[types.UID]*observedClaim{"u": tc.claim}}
		assert.Equal(t, tc.want, o.provisioningError(pod) != nil, name)
	}
}
