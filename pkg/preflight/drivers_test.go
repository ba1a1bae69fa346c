package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
)

func TestRun_DescribesTheStorageClassAndItsDriver(t *testing.T) {
	driver := &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec: storagev1.CSIDriverSpec{
			PodInfoOnMount: ptr.To(true), FSGroupPolicy: ptr.To(storagev1.FileFSGroupPolicy), SELinuxMount: ptr.To(true),
		},
	}
	by := checks(t, nil, allowAll, append(cluster("n1"), driver)...)
	assert.Equal(t, Check{"StorageClass fast", Passed, "provisioner p; volumeBindingMode Immediate; " +
		"reclaimPolicy Delete; allowVolumeExpansion false"}, by["StorageClass fast"])
	assert.Equal(t, Check{"CSI driver p", Passed, "attachRequired true; podInfoOnMount true; fsGroupPolicy File; " +
		"volumeLifecycleModes Persistent; storageCapacity false; seLinuxMount true; requiresRepublish false; " +
		"registered on 0 nodes; no VolumeSnapshotClass"}, by["CSI driver p"])
	by = checks(t, nil, allowAll, cluster("n1")...)
	assert.NotContains(t, by, "CSI driver p", "it has no CSIDriver object")
}

func TestRun_NamesUnknownFactsAboutADriver(t *testing.T) {
	clientset := fake.NewClientset(cluster("n1")...)
	for _, resource := range []string{"csidrivers", "csinodes", "daemonsets"} {
		clientset.PrependReactor("*", resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(a.GetResource().GroupResource(), "p", nil)
		})
	}
	by := checksOf(t, clientset, nil, allowAll)
	assert.Equal(t, Passed, by[""].Status, "a run is possible")
	assert.Equal(t, Warning, by["CSI driver p"].Status)
	assert.Contains(t, by["CSI driver p"].Message, "not known: features: csidrivers.storage.k8s.io")
	assert.Contains(t, by["CSI driver p"].Message, "not known: nodes: ")
	assert.Contains(t, by["CSI driver p"].Message, "not known: images: ")
}
