package run

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// storageOf returns what a run with some options records about the storage of a cluster.
func storageOf(
	t *testing.T, client *fake.Clientset, env map[string]string,
) ([]result.StorageClass, []result.CSIDriver) {
	t.Helper()
	opts, err := options.Parse(func(name string) string { return env[name] })
	require.NoError(t, err)
	r := Run{ID: "run", Options: opts, Log: logrus.New()}
	r.Kube = kube.Client{API: client, Namespace: "stig", Timeout: time.Minute, Log: r.Log}
	var cells []*cell
	for _, spec := range opts.Cells(nil) {
		cells = append(cells, newCell(r, spec))
	}
	return r.describeStorage(t.Context(), cells)
}

func storageObjects() []runtime.Object {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	fast := &storagev1.StorageClass{
		ObjectMeta: meta("fast"), Provisioner: "driver",
		VolumeBindingMode: ptr.To(storagev1.VolumeBindingWaitForFirstConsumer), AllowVolumeExpansion: ptr.To(true),
		Parameters: map[string]string{
			"type": "ssd", "restuserkey": "hunter2", "csi.storage.k8s.io/provisioner-secret-name": "admin",
		},
	}
	fast.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	node := &storagev1.CSINode{ObjectMeta: meta("n1")}
	node.Spec.Drivers = []storagev1.CSINodeDriver{{Name: "driver"}, {Name: "another"}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "theirs"}}
	claim.Spec.VolumeName, claim.Spec.StorageClassName = "pv", ptr.To("gone")
	volume := &corev1.PersistentVolume{ObjectMeta: meta("pv")}
	volume.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: "another"}
	return []runtime.Object{
		fast, node, claim, volume, &storagev1.CSIDriver{ObjectMeta: meta("another")},
		&storagev1.CSIDriver{ObjectMeta: meta("driver"), Spec: storagev1.CSIDriverSpec{
			AttachRequired: ptr.To(false), StorageCapacity: ptr.To(true), RequiresRepublish: ptr.To(true),
			VolumeLifecycleModes: []storagev1.VolumeLifecycleMode{"Persistent", "Ephemeral"},
		}},
	}
}

func TestDescribeStorage_OfTheDefaultClass(t *testing.T) {
	classes, drivers := storageOf(t, fake.NewClientset(storageObjects()...), map[string]string{"NEGATIVE_CONTROL": "true"})
	assert.Equal(t, []result.StorageClass{{
		Name: "fast", IsDefault: true, Provisioner: "driver", VolumeBindingMode: "WaitForFirstConsumer",
		ReclaimPolicy: "Delete", AllowVolumeExpansion: ptr.To(true), Parameters: map[string]string{
			"type": "ssd", "restuserkey": "(not shown)", "csi.storage.k8s.io/provisioner-secret-name": "admin",
		},
	}}, classes)
	require.Len(t, drivers, 1)
	drivers[0].NotKnown = nil
	assert.Equal(t, result.CSIDriver{
		Name: "driver", AttachRequired: ptr.To(false), PodInfoOnMount: ptr.To(false),
		FSGroupPolicy: "ReadWriteOnceWithFSType", VolumeLifecycleModes: []string{"Persistent", "Ephemeral"},
		StorageCapacity: ptr.To(true), SELinuxMount: ptr.To(false), RequiresRepublish: ptr.To(true), Nodes: ptr.To(1),
	}, drivers[0])
}

func TestDescribeStorage_OfAnExistingClaim(t *testing.T) {
	client := fake.NewClientset(storageObjects()...)
	classes, drivers := storageOf(t, client, map[string]string{"EXISTING_CLAIM": "theirs"})
	assert.Equal(t, []result.StorageClass{{Name: "gone", NotKnown: "it does not exist"}}, classes)
	require.Len(t, drivers, 1)
	assert.Equal(t, "another", drivers[0].Name)
}

func TestDescribeStorage_WithoutRightsIsNotKnown(t *testing.T) {
	client := fake.NewClientset(storageObjects()...)
	client.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(a.GetResource().GroupResource(), "", nil)
	})
	classes, drivers := storageOf(t, client, map[string]string{"STORAGE_CLASS": "fast"})
	require.Len(t, classes, 1)
	assert.Equal(t, "fast", classes[0].Name)
	assert.Contains(t, classes[0].NotKnown, "forbidden")
	assert.Empty(t, drivers)

	client = fake.NewClientset(storageObjects()...)
	for _, resource := range []string{"csidrivers", "csinodes", "daemonsets"} {
		client.PrependReactor("*", resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(a.GetResource().GroupResource(), "", nil)
		})
	}
	_, drivers = storageOf(t, client, map[string]string{"STORAGE_CLASS": "fast"})
	require.Len(t, drivers, 1)
	assert.Len(t, drivers[0].NotKnown, 4, "features, nodes, VolumeSnapshotClasses, images")
	assert.Nil(t, drivers[0].AttachRequired)
}
