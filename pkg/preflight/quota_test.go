package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		"too few pods":  {quotaOf(corev1.ResourcePods, "3", "2"), "any,same", Failed, "has 1 pods left, and the run needs 2"},
		"scarce":        {quotaOf(corev1.ResourcePods, "2", "0"), "any,same", Warning, "needs 4 for a moment"},
		"one cell":      {quotaOf(corev1.ResourcePods, "2", "0"), "any", Passed, "room"},
		"storage":       {quotaOf(corev1.ResourceRequestsStorage, "8Gi", "0"), "any,same", Failed, "quota q has 8Gi"},
		"of a class":    {quotaOf(ofClass, "8Gi", "0"), "any,same", Failed, "and the run needs 10Gi"},
		"another class": {quotaOf("slow.storageclass.storage.k8s.io/requests.storage", "0", "0"), "any", Passed, "room"},
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

func TestQuota_WithScopesIsNotChecked(t *testing.T) {
	scoped := quotaOf(corev1.ResourcePods, "0", "0")
	scoped.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeTerminating}
	check := checks(t, nil, allowAll, append(cluster("n1"), scoped)...)["quotas"]
	assert.Equal(t, Warning, check.Status)
	assert.Contains(t, check.Message, "not checked, because of their scopes: q")
}
