package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

func spec() PodSpec {
	return PodSpec{
		Name:      "write-pod",
		Image:     "i",
		Path:      "/data",
		Claim:     "stig-pvc",
		OwnVolume: true,
		Command:   []string{"c"},
	}
}

func TestPod_SatisfiesRestrictedStandard(t *testing.T) {
	pod := newTestClient(t).NewPod(spec())
	assert.False(t, *pod.Spec.AutomountServiceAccountToken)
	assert.True(t, *pod.Spec.SecurityContext.RunAsNonRoot)
	assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type)
	container := pod.Spec.Containers[0].SecurityContext
	assert.True(t, *container.ReadOnlyRootFilesystem)
	assert.False(t, *container.AllowPrivilegeEscalation)
	assert.Equal(t, []corev1.Capability{"ALL"}, container.Capabilities.Drop)
	assert.Equal(t, "/data", pod.Spec.Containers[0].VolumeMounts[0].MountPath)
	assert.Equal(t, "stig-pvc", pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName)
	assert.Equal(t, "r", pod.Labels[RunLabel])
	assert.Equal(t, corev1.RestartPolicyNever, pod.Spec.RestartPolicy)
}

func TestPod_SetsFSGroupOnlyOnOwnVolume(t *testing.T) {
	own := spec()
	assert.NotNil(t, newTestClient(t).NewPod(own).Spec.SecurityContext.FSGroup)
	own.OwnVolume = false
	assert.Nil(t, newTestClient(t).NewPod(own).Spec.SecurityContext.FSGroup)
}

func TestPod_UsesEmptyDirWithoutClaim(t *testing.T) {
	s := spec()
	s.Claim = ""
	assert.NotNil(t, newTestClient(t).NewPod(s).Spec.Volumes[0].EmptyDir)
}

func TestPod_NamesTheJournalInTheRunsOwnFolder(t *testing.T) {
	s := spec()
	assert.Empty(t, newTestClient(t).NewPod(s).Annotations)
	s.OwnFolderJournal = "/data/volume-durability-0123456789abcdef/logs.log"
	assert.Equal(t, s.OwnFolderJournal, newTestClient(t).NewPod(s).Annotations[JournalAnnotation])
}

func TestPod_RequiresPlacement(t *testing.T) {
	s := spec()
	assert.Nil(t, newTestClient(t).NewPod(s).Spec.Affinity)
	s.Placement = Placement{ExcludeNode: "n1"}
	required := newTestClient(t).NewPod(s).Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	term := required.NodeSelectorTerms[0]
	assert.Equal(
		t,
		[]corev1.NodeSelectorRequirement{
			{Key: "metadata.name", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"n1"}},
		},
		term.MatchFields,
	)
}
