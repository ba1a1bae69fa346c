package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestVolume_HasTheMountOptions(t *testing.T) {
	c := newTestClient(t)
	c.API = fake.NewClientset(&corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: corev1.PersistentVolumeSpec{MountOptions: []string{"noatime"}},
	})
	assert.Equal(t, []string{"noatime"}, c.Volume(t.Context(), "pv").MountOptions)
}
