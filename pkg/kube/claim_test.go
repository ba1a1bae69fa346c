package kube

import (
	"context"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCreateClaim_ReportsNameConflict(t *testing.T) {
	c := newTestClient(t)
	existing := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc"}}
	_, err := c.API.CoreV1().PersistentVolumeClaims("stig").Create(t.Context(), existing, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	assert.ErrorIs(t, err, ErrNameConflict)
	assert.ErrorContains(t, err, "claim stig/stig-pvc already exists and was not created by this run. To fix this: "+
		"delete it, or choose another name")
}

func TestCreate_NamesTheRunWhoseObjectIsInTheWay(t *testing.T) {
	c := newTestClient(t)
	kept := metav1.ObjectMeta{Labels: map[string]string{RunLabel: "5f6c"}}
	kept.Name = "stig-pvc"
	claims := c.API.CoreV1().PersistentVolumeClaims("stig")
	_, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: kept}, metav1.CreateOptions{})
	require.NoError(t, err)
	kept.Name = "read-pod"
	_, err = c.API.CoreV1().Pods("stig").Create(t.Context(), &corev1.Pod{ObjectMeta: kept}, metav1.CreateOptions{})
	require.NoError(t, err)
	const want = "already exists and was created by run 5f6c. To fix this: volume-durability cleanup -n stig --run 5f6c, "
	_, err = c.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	assert.ErrorIs(t, err, ErrNameConflict)
	assert.ErrorContains(t, err, "claim stig/stig-pvc "+want)
	_, err = c.RunPod(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "read-pod"}})
	assert.ErrorContains(t, err, "pod stig/read-pod "+want)
}

// A pod that is created before its claim is bound may start 10 seconds later.
func TestAwaitBinding_ReturnsWhenAPodCanUseTheClaim(t *testing.T) {
	claim := func() *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "claim"},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
		}
	}
	event := func(eventType, reason string) func(*observer) {
		e := claimEvent(reason, "")
		e.Type = eventType
		return func(o *observer) { o.eventChanged(&e) }
	}
	for name, c := range map[string]struct {
		change func(*observer)
		ends   bool
	}{
		"the claim is bound": {func(o *observer) {
			bound := claim()
			bound.Status.Phase = corev1.ClaimBound
			o.claimChanged(bound)
		}, true},
		"the claim names its volume, but is not bound": {func(o *observer) {
			named := claim()
			named.Spec.VolumeName = "pv"
			o.claimChanged(named)
		}, false},
		"the claim waits for a pod": {event(corev1.EventTypeNormal, "WaitForFirstConsumer"), true},
		"there is no class":         {event(corev1.EventTypeNormal, "FailedBinding"), true},
		"the provisioner failed":    {event(corev1.EventTypeWarning, "ProvisioningFailed"), true},
		"the provisioner works":     {event(corev1.EventTypeNormal, "Provisioning"), false},
	} {
		t.Run(name, func(t *testing.T) {
			client := Client{observer: newObserver(logrus.New())}
			client.observer.claimChanged(claim())
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ended := make(chan error)
			go func() { ended <- client.awaitBinding(ctx, claim(), time.Hour) }()
			client.observer.mu.Lock()
			c.change(client.observer)
			client.observer.mu.Unlock()
			if !c.ends {
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
				return
			}
			require.NoError(t, <-ended)
		})
	}
}

func TestAwaitBinding_LeavesASlowProvisionerToThePod(t *testing.T) {
	client := Client{observer: newObserver(logrus.New())}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "claim"}}
	assert.NoError(t, client.awaitBinding(t.Context(), claim, time.Millisecond))
}

func TestClaim_OverridesTemplate(t *testing.T) {
	template, err := ParseClaimTemplate([]byte(`{
		apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: x, annotations: {a: b}, labels: {c: d}},
		spec: {storageClassName: slow, accessModes: [ReadOnlyMany], dataSource: {kind: VolumeSnapshot, name: s}}
	}`))
	require.NoError(t, err)
	claim := newTestClient(t).NewClaim(ClaimSpec{
		Name: "stig-pvc", StorageClass: "fast", AccessMode: corev1.ReadWriteOnce,
		Size: apiresource.MustParse("1Gi"), Template: template,
	})
	assert.Equal(t, "stig-pvc", claim.Name)
	assert.Equal(t, map[string]string{"a": "b"}, claim.Annotations)
	assert.Equal(t, map[string]string{"c": "d", RunLabel: "r"}, claim.Labels)
	assert.Equal(t, "fast", *claim.Spec.StorageClassName)
	assert.Equal(t, "s", claim.Spec.DataSource.Name)
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)
	assert.Equal(t, "1Gi", claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}, template.Spec.AccessModes,
		"the template must not change")

	for _, wrong := range []string{"", "kind: Pod", "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {size: 1}}"} {
		_, err := ParseClaimTemplate([]byte(wrong))
		assert.Error(t, err, wrong)
	}
}

func TestNewClaim_TemplateMayHaveOnlyOnePart(t *testing.T) {
	for name, part := range map[string]string{
		"only metadata": "metadata: {annotations: {team: storage}}", "only spec": "spec: {volumeName: v}", "neither": "",
	} {
		t.Run(name, func(t *testing.T) {
			template, err := ParseClaimTemplate([]byte("apiVersion: v1\nkind: PersistentVolumeClaim\n" + part))
			require.NoError(t, err)
			claim := newTestClient(t).NewClaim(ClaimSpec{
				Name: "c", Size: apiresource.MustParse("5Gi"), AccessMode: corev1.ReadWriteOnce, Template: template,
			})
			assert.Equal(t, "c", claim.Name)
			assert.Equal(t, "r", claim.Labels[RunLabel])
			assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)
			assert.Equal(t, "5Gi", claim.Spec.Resources.Requests.Storage().String())
		})
	}
}
