package options

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

func TestParse_ReadsSettingsOfPods(t *testing.T) {
	v, err := Parse(env(map[string]string{
		"IMAGE_PULL_SECRETS": "a, b", "TOLERATIONS": "k=v:NoSchedule, k2:NoExecute,k3,*", "NODE_SELECTOR": "x/y=z,e=",
		"PRIORITY_CLASS": "high", "RUNTIME_CLASS": "kata", "RESOURCE_REQUESTS": "cpu=1,memory=1Gi",
		"RESOURCE_LIMITS": "memory=2Gi", "POD_LABELS": "sidecar.istio.io/inject=false",
		"POD_ANNOTATIONS": "linkerd.io/inject=disabled, team, a=b=c", "POD_TEMPLATE": "/pod.yaml",
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, v.ImagePullSecrets)
	assert.Equal(t, []corev1.Toleration{
		{Key: "k", Operator: corev1.TolerationOpEqual, Value: "v", Effect: corev1.TaintEffectNoSchedule},
		{Key: "k2", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
		{Key: "k3", Operator: corev1.TolerationOpExists},
		{Operator: corev1.TolerationOpExists},
	}, v.Tolerations)
	assert.Equal(t, map[string]string{"x/y": "z", "e": ""}, v.NodeSelector)
	assert.Equal(t, []string{"high", "kata"}, []string{*v.PriorityClass, *v.RuntimeClass})
	assert.Equal(t, corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("1Gi"),
	}, v.ResourceRequests)
	assert.Equal(t, corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")}, v.ResourceLimits)
	assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "false"}, v.PodLabels)
	assert.Equal(t, map[string]string{"linkerd.io/inject": "disabled", "a": "b=c"}, v.PodAnnotations)
	assert.Equal(t, []string{"team"}, v.CopiedAnnotations)
	assert.Equal(t, "/pod.yaml", v.PodTemplate)
}

func TestParse_DistinguishesNoneFromUnset(t *testing.T) {
	unset := Defaults()
	assert.Nil(t, unset.ImagePullSecrets)
	assert.Nil(t, unset.Tolerations)
	assert.Nil(t, unset.NodeSelector)
	assert.Nil(t, unset.PriorityClass)
	assert.Nil(t, unset.RuntimeClass)
	assert.Nil(t, unset.ResourceRequests)
	assert.Nil(t, unset.ResourceLimits)
	values := map[string]string{}
	for _, name := range []string{
		"IMAGE_PULL_SECRETS", "TOLERATIONS", "NODE_SELECTOR", "PRIORITY_CLASS", "RUNTIME_CLASS", "RESOURCE_REQUESTS",
		"RESOURCE_LIMITS",
	} {
		values[name] = None
	}
	none, err := Parse(env(values))
	require.NoError(t, err)
	assert.Equal(t, []string{}, none.ImagePullSecrets)
	assert.Equal(t, []corev1.Toleration{}, none.Tolerations)
	assert.Equal(t, map[string]string{}, none.NodeSelector)
	assert.Equal(t, ptr.To(""), none.PriorityClass)
	assert.Equal(t, ptr.To(""), none.RuntimeClass)
	assert.Equal(t, corev1.ResourceList{}, none.ResourceRequests)
	assert.Equal(t, corev1.ResourceList{}, none.ResourceLimits)
}

func TestParse_RejectsRequestAboveLimit(t *testing.T) {
	_, err := Parse(env(map[string]string{"RESOURCE_REQUESTS": "cpu=2,memory=1Gi", "RESOURCE_LIMITS": "cpu=1"}))
	assert.ErrorContains(t, err, `RESOURCE_REQUESTS="cpu=2": want at most 1, which is RESOURCE_LIMITS`)
	assert.NotContains(t, err.Error(), "memory")
}

func TestParse_ReadsNodeOfWriter(t *testing.T) {
	for value, want := range map[string]map[string]string{
		"": nil, "any": nil, "node-1.example": nil, "zone=a,disk=ssd": {"zone": "a", "disk": "ssd"},
	} {
		v, err := Parse(env(map[string]string{"WRITER_NODE": value}))
		require.NoError(t, err, value)
		assert.Equal(t, want, v.WriterNode.Labels(), value)
	}
	for _, wrong := range []string{"Node", "a b", "zone=a,", "=a"} {
		_, err := Parse(env(map[string]string{"WRITER_NODE": wrong}))
		assert.ErrorContains(t, err, "WRITER_NODE=", wrong)
	}
	_, err := Parse(env(map[string]string{"WRITER_NODE": "claim"}))
	assert.ErrorContains(t, err, `WRITER_NODE="claim": want another value if EXISTING_CLAIM is unset`)
	_, err = Parse(env(map[string]string{"WRITER_NODE": "claim", "EXISTING_CLAIM": "c"}))
	assert.NoError(t, err)
}
