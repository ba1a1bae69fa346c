package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestClassParameters_HaveNoSecrets(t *testing.T) {
	api := fake.NewClientset(
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Parameters: map[string]string{"pool": "b"}},
		&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Parameters: map[string]string{
			"pool": "a", "restuserkey": "hunter2", "csi.storage.k8s.io/provisioner-secret-name": "ceph", "Password": "x",
		}},
	)
	c := newTestClient(t)
	c.API = api
	assert.Equal(t, map[string]string{
		"pool": "a", "restuserkey": "(not recorded)", "Password": "(not recorded)",
		"csi.storage.k8s.io/provisioner-secret-name": "ceph",
	}, c.ClassParameters(t.Context(), "fast"))
	assert.Nil(t, c.ClassParameters(t.Context(), "unknown"))
	assert.Nil(t, c.ClassParameters(t.Context(), ""))
	api.PrependReactor("list", "storageclasses", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{}, "", nil)
	})
	assert.Nil(t, c.ClassParameters(t.Context(), "fast"), "the permission is optional")
}

func TestVolume_HasTheMountOptions(t *testing.T) {
	c := newTestClient(t)
	c.API = fake.NewClientset(&corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: corev1.PersistentVolumeSpec{MountOptions: []string{"noatime"}},
	})
	assert.Equal(t, []string{"noatime"}, c.Volume(t.Context(), "pv").MountOptions)
}
