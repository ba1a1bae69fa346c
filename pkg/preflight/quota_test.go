package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
)

// quotaOf returns a quota of which some is used.
func quotaOf(name corev1.ResourceName, hard, used string) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "q"},
		Status: corev1.ResourceQuotaStatus{
			Hard: corev1.ResourceList{name: resource.MustParse(hard)},
			Used: corev1.ResourceList{name: resource.MustParse(used)},
		},
	}
}

func TestQuota_HasRoomForAllCellsAtOnce(t *testing.T) {
	const ofClass = "fast.storageclass.storage.k8s.io/requests.storage"
	for name, c := range map[string]struct {
		quota  *corev1.ResourceQuota
		cells  string // READER_NODE, one cell for each
		status Status
		want   string
	}{
		"room":          {quotaOf(corev1.ResourcePods, "5", "1"), "any,same", Passed, "2 cells at once"},
		"too few pods":  {quotaOf(corev1.ResourcePods, "5", "2"), "any,same", Failed, "has 3 left for pods, and"},
		"one pod":       {quotaOf(corev1.ResourcePods, "1", "0"), "any", Failed, "Each cell needs room for two pods"},
		"two pods":      {quotaOf(corev1.ResourcePods, "2", "0"), "any", Passed, "room"},
		"claims":        {quotaOf(corev1.ResourcePersistentVolumeClaims, "1", "0"), "any,same", Failed, "the run needs 2"},
		"storage":       {quotaOf(corev1.ResourceRequestsStorage, "8Gi", "0"), "any,same", Failed, "quota q has 8Gi"},
		"of a class":    {quotaOf(ofClass, "8Gi", "0"), "any,same", Failed, "and the run needs 10Gi"},
		"another class": {quotaOf("slow.storageclass.storage.k8s.io/requests.storage", "0", "0"), "any", Passed, "room"},
		"memory":        {quotaOf(corev1.ResourceLimitsMemory, "500Mi", "0"), "any", Failed, "the run needs 512Mi"},
		"not counted":   {quotaOf("count/secrets", "0", "0"), "any", Passed, "room"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"READER_NODE": c.cells, "STORAGE_CLASS": "fast"}
			check := checks(t, env, allowAll, append(cluster("n1"), c.quota)...)["quotas"]
			assert.Equal(t, c.status, check.Status, check.Message)
			assert.Contains(t, check.Message, c.want)
		})
	}
}

func TestQuota_BatchesNeedLess(t *testing.T) {
	env := map[string]string{"READER_NODE": "any,same", "PARALLEL_CELLS": "1"}
	check := checks(t, env, allowAll, append(cluster("n1"), quotaOf(corev1.ResourcePods, "2", "0"))...)["quotas"]
	assert.Equal(t, Passed, check.Status, check.Message)
}

func TestQuota_CountsTheControl(t *testing.T) {
	env := map[string]string{"NEGATIVE_CONTROL": "true"}
	pods := func(hard string) Check {
		return checks(t, env, allowAll, append(cluster("n1"), quotaOf(corev1.ResourcePods, hard, "0"))...)["quotas"]
	}
	assert.Equal(t, Failed, pods("3").Status)
	assert.Equal(t, Passed, pods("4").Status)
	claims := quotaOf(corev1.ResourcePersistentVolumeClaims, "1", "0")
	check := checks(t, env, allowAll, append(cluster("n1"), claims)...)["quotas"]
	assert.Equal(t, Passed, check.Status, "the control has no claim: "+check.Message)
}

// The claims of a batch may still be counted when the next batch begins.
func TestQuota_OfClaimsIsScarceBetweenBatches(t *testing.T) {
	env := map[string]string{"READER_NODE": "any,same", "PARALLEL_CELLS": "1"}
	claims := quotaOf(corev1.ResourcePersistentVolumeClaims, "1", "0")
	check := checks(t, env, allowAll, append(cluster("n1"), claims)...)["quotas"]
	assert.Equal(t, Warning, check.Status)
	assert.Contains(t, check.Message, "the run needs 2 for a moment")

	env["KEEP"] = "true"
	check = checks(t, env, allowAll, append(cluster("n1"), claims)...)["quotas"]
	assert.Equal(t, Failed, check.Status, "the claims stay")
	check = checks(t, env, allowAll, append(cluster("n1"), quotaOf(corev1.ResourcePods, "2", "0"))...)["quotas"]
	assert.Equal(t, Failed, check.Status, "the readers stay")
	assert.Contains(t, check.Message, "the run needs 3")
}

// The API server sets the default StorageClass, and the requests and limits of the namespace's LimitRange.
func TestQuota_CountsWhatTheAPIServerSets(t *testing.T) {
	limits := quotaOf("limits.cpu", "1500m", "0")
	ofDefault := quotaOf("fast.storageclass.storage.k8s.io/persistentvolumeclaims", "0", "0")
	ofDefault.Name = "classes"
	clientset := fake.NewClientset(append(cluster("n1"), limits, ofDefault)...)
	clientset.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod).DeepCopy()
		pod.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
		return true, pod, nil
	})
	claims := "persistentvolumeclaims"
	clientset.PrependReactor("create", claims, func(a clienttesting.Action) (bool, runtime.Object, error) {
		claim := a.(clienttesting.CreateAction).GetObject().(*corev1.PersistentVolumeClaim).DeepCopy()
		claim.Spec.StorageClassName = ptr.To("fast")
		return true, claim, nil
	})
	check := checksOf(t, clientset, nil, allowAll)["quotas"]
	assert.Equal(t, Failed, check.Status)
	assert.Contains(t, check.Message, "quota q has 1500m left for limits.cpu, and the run needs 2")
	assert.Contains(t, check.Message, "quota classes has 0 left for fast.storageclass.storage.k8s.io/persistentvolumeclaims")
}

func TestResourcesOf_CountsAsKubernetesDoes(t *testing.T) {
	container := func(memory string) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)},
		}}
	}
	sidecar := container("20Mi")
	sidecar.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	memory := func(overhead string, init ...corev1.Container) string {
		pod := &corev1.Pod{Spec: corev1.PodSpec{
			InitContainers: init, Containers: []corev1.Container{container("30Mi"), container("10Mi")},
			Overhead: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(overhead)},
		}}
		sum := resourcesOf(pod, func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Requests })
		q := sum[corev1.ResourceMemory]
		return q.String()
	}
	assert.Equal(t, "40Mi", memory("0"))
	assert.Equal(t, "40Mi", memory("0", container("35Mi")))
	assert.Equal(t, "90Mi", memory("0", container("90Mi")))
	assert.Equal(t, "60Mi", memory("0", sidecar))
	assert.Equal(t, "45Mi", memory("5Mi"))
}

func TestQuota_WithScopesIsNotChecked(t *testing.T) {
	scoped := quotaOf(corev1.ResourcePods, "0", "0")
	scoped.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeTerminating}
	check := checks(t, nil, allowAll, append(cluster("n1"), scoped)...)["quotas"]
	assert.Equal(t, Warning, check.Status)
	assert.Contains(t, check.Message, "not checked, because of their scopes: q")
}
