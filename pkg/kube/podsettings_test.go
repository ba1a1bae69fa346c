package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

func amounts(cpu, memory string) corev1.ResourceList {
	list := corev1.ResourceList{}
	if cpu != "" {
		list[corev1.ResourceCPU] = apiresource.MustParse(cpu)
	}
	if memory != "" {
		list[corev1.ResourceMemory] = apiresource.MustParse(memory)
	}
	return list
}

func nodeTerm(key, value string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
		requirement(key, corev1.NodeSelectorOpIn, value),
	}}
}

func nodeAffinity(terms ...corev1.NodeSelectorTerm) *corev1.NodeAffinity {
	return &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}
}

func TestPod_HasSettingsOfAnotherPod(t *testing.T) {
	container := corev1.Container{
		Resources: corev1.ResourceRequirements{Requests: amounts("1", "1Gi"), Limits: amounts("2", "2Gi")},
	}
	theirs := &corev1.Pod{Spec: corev1.PodSpec{
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
		Tolerations:      []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}},
		NodeSelector:     map[string]string{"pool": "storage"}, PriorityClassName: "high",
		RuntimeClassName: ptr.To("kata"),
		Affinity: &corev1.Affinity{
			NodeAffinity: nodeAffinity(nodeTerm("zone", "a")), PodAffinity: &corev1.PodAffinity{},
		},
	}}
	s := spec()
	s.Settings = SettingsOf(theirs, &container)
	pod := newTestClient(t).NewPod(s).Spec
	assert.Equal(t, theirs.Spec.ImagePullSecrets, pod.ImagePullSecrets)
	assert.Equal(t, theirs.Spec.Tolerations, pod.Tolerations)
	assert.Equal(t, map[string]string{"pool": "storage", "kubernetes.io/os": "linux"}, pod.NodeSelector)
	assert.Equal(t, "high", pod.PriorityClassName)
	assert.Equal(t, "kata", *pod.RuntimeClassName)
	assert.Equal(t, theirs.Spec.Affinity.NodeAffinity, pod.Affinity.NodeAffinity)
	assert.Nil(t, pod.Affinity.PodAffinity, "it is about the experiment's pod")
	assert.Equal(t, container.Resources, pod.Containers[0].Resources)
	assert.Empty(t, SettingsOf(&corev1.Pod{}, nil))
}

func TestPod_HasLabelsAndAnnotationsBesideItsOwn(t *testing.T) {
	s := spec()
	s.JournalInOwnFolder = "/data/volume-durability-0123456789abcdef/logs.log"
	s.Settings.Labels = map[string]string{"sidecar.istio.io/inject": "false", RunLabel: "another"}
	s.Settings.Annotations = map[string]string{"linkerd.io/inject": "disabled"}
	c := newTestClient(t)
	pod := c.NewPod(s)
	assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "false", RunLabel: "r"}, pod.Labels)
	assert.Equal(t, map[string]string{
		"linkerd.io/inject": "disabled", JournalAnnotation: s.JournalInOwnFolder,
	}, pod.Annotations)
	assert.Equal(t, map[string]string{RunLabel: "r"}, c.Labels, "the client's labels must not change")
	assert.Equal(t, map[string]string{"linkerd.io/inject": "disabled"}, WithoutOwnMetadata(pod.Annotations))
	assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "false"}, WithoutOwnMetadata(pod.Labels))
}

// Policies usually require requests and limits. Throttling would lengthen commits, so there is no limit on cpu.
func TestContainerResources_HaveDefaults(t *testing.T) {
	for name, tc := range map[string]struct{ requests, limits, wantRequests, wantLimits corev1.ResourceList }{
		"nothing":           {nil, nil, amounts("10m", "32Mi"), amounts("", "256Mi")},
		"none":              {corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}},
		"a high request":    {amounts("1", "1Gi"), nil, amounts("1", "1Gi"), amounts("", "1Gi")},
		"a low limit":       {nil, amounts("5m", "128Mi"), amounts("5m", "32Mi"), amounts("5m", "128Mi")},
		"too little memory": {nil, amounts("", "16Mi"), amounts("10m", "32Mi"), amounts("", "64Mi")},
	} {
		got := containerResources(corev1.ResourceRequirements{Requests: tc.requests, Limits: tc.limits})
		assert.Equal(t, corev1.ResourceRequirements{Requests: tc.wantRequests, Limits: tc.wantLimits}, got, name)
	}
	assert.Equal(t, amounts("10m", "32Mi"), defaultRequests, "the defaults must not change")
	assert.Equal(t, amounts("", "256Mi"), defaultLimits, "the defaults must not change")
}

func TestPod_NeverRunsOnWindows(t *testing.T) {
	s := spec()
	assert.Equal(t, map[string]string{"kubernetes.io/os": "linux"}, newTestClient(t).NewPod(s).Spec.NodeSelector)
	s.Settings.NodeSelector = map[string]string{"kubernetes.io/os": "windows"}
	assert.Equal(t, map[string]string{"kubernetes.io/os": "linux"}, newTestClient(t).NewPod(s).Spec.NodeSelector)
}

// A node must meet one of the terms, so the placement must be in each of them.
func TestPlace_AddsToNodeAffinity(t *testing.T) {
	s := spec()
	s.Settings.NodeAffinity = nodeAffinity(nodeTerm("zone", "a"), nodeTerm("zone", "b"))
	s.Placement = Placement{ExcludeNode: "n1", Labels: map[string]string{"disk": "ssd"}}
	required := newTestClient(t).NewPod(s).Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	terms := required.NodeSelectorTerms
	assert.Len(t, terms, 2)
	for i, zone := range []string{"a", "b"} {
		assert.Equal(t, corev1.NodeSelectorTerm{
			MatchFields: []corev1.NodeSelectorRequirement{requirement("metadata.name", corev1.NodeSelectorOpNotIn, "n1")},
			MatchExpressions: []corev1.NodeSelectorRequirement{
				requirement("zone", corev1.NodeSelectorOpIn, zone), requirement("disk", corev1.NodeSelectorOpIn, "ssd"),
			},
		}, terms[i])
	}
	assert.Equal(t, nodeAffinity(nodeTerm("zone", "a"), nodeTerm("zone", "b")), s.Settings.NodeAffinity,
		"the settings are those of all pods, and must not change")
}
