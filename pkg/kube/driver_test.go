package kube

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// nodePlugin returns a DaemonSet with a registrar, and a driver that has an image.
func nodePlugin(registrar corev1.Container, image string) appsv1.DaemonSet {
	registrar.Image = "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.15.0"
	d := appsv1.DaemonSet{}
	d.Spec.Template.Spec.Containers = []corev1.Container{
		registrar, {Image: image}, {Image: "registry.k8s.io/sig-storage/livenessprobe:v2.17.0@sha256:0123"},
	}
	return d
}

func TestNodePluginImages_AreThoseOfTheDriver(t *testing.T) {
	const folder = "/var/lib/kubelet/plugins/ebs.csi.aws.com/csi.sock"
	another := nodePlugin(corev1.Container{Args: []string{"/plugins/efs.csi.aws.com/csi.sock"}}, "efs:v2")
	for name, registrar := range map[string]corev1.Container{
		"argument": {Args: []string{"--kubelet-registration-path=" + folder}},
		"variable": {
			Args: []string{"--kubelet-registration-path=$(DRIVER_REG_SOCK_PATH)"},
			Env:  []corev1.EnvVar{{Name: "DRIVER_REG_SOCK_PATH", Value: folder}},
		},
	} {
		all := []appsv1.DaemonSet{another, nodePlugin(registrar, "ebs-csi-driver:v1.50.0")}
		assert.Equal(t, []string{"ebs-csi-driver:v1.50.0"}, NodePluginImages(all, "ebs.csi.aws.com"), name)
	}
	volume := appsv1.DaemonSet{}
	volume.Spec.Template.Spec = corev1.PodSpec{
		Containers: []corev1.Container{{Image: "longhorn:v1"}},
		Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: "/var/lib/kubelet/plugins/driver.longhorn.io"},
		}}},
	}
	assert.Equal(t, []string{"longhorn:v1"}, NodePluginImages([]appsv1.DaemonSet{another, volume}, "driver.longhorn.io"))
	assert.Empty(t, NodePluginImages([]appsv1.DaemonSet{another}, "csi.aws.com"))
}

func TestSnapshotClasses_ByDriver(t *testing.T) {
	class := func(name, driver string) runtime.Object {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass",
			"metadata": map[string]any{"name": name}, "driver": driver,
		}}
	}
	c := newTestClient(t)
	_, err := c.SnapshotClasses(t.Context())
	require.Error(t, err)
	lists := map[schema.GroupVersionResource]string{snapshotClasses: "VolumeSnapshotClassList"}
	c.Dynamic = dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists,
		class("a", "one"), class("b", "two"), class("c", "one"))
	names, err := c.SnapshotClasses(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"one": {"a", "c"}, "two": {"b"}}, names)
}

func TestCSIDriver_ANameWithASlashIsNone(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("get", "csidrivers", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("invalid resource name") // as client-go does
	})
	driver, err := Client{API: client}.CSIDriver(t.Context(), "rancher.io/local-path")
	require.NoError(t, err)
	assert.Nil(t, driver)
}
