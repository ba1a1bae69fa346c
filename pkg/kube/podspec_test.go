package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

func spec() PodSpec {
	return PodSpec{
		Name:      "write-pod",
		Image:     "i",
		Path:      "/data",
		Claim:     "stig-pvc",
		OwnVolume: true,
		Command:   []string{"c"},
		Identity:  Identity{User: ptr.To[int64](1), Group: ptr.To[int64](2), FSGroup: ptr.To[int64](3)},
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

func TestPod_HasIdentityOfSpec(t *testing.T) {
	s := spec()
	s.Identity.SupplementalGroups = []int64{4}
	security := newTestClient(t).NewPod(s).Spec.SecurityContext
	assert.Equal(t, []int64{1, 2, 3}, []int64{*security.RunAsUser, *security.RunAsGroup, *security.FSGroup})
	assert.Equal(t, []int64{4}, security.SupplementalGroups)
	assert.Equal(t, s.Identity, IdentityOf(newTestClient(t).NewPod(s)))
}

func TestPod_LeavesIdentityToCluster(t *testing.T) {
	s := spec()
	s.Identity = Identity{}
	security := newTestClient(t).NewPod(s).Spec.SecurityContext
	assert.True(t, *security.RunAsNonRoot)
	security.RunAsNonRoot, security.SeccompProfile = nil, nil
	assert.Equal(t, &corev1.PodSecurityContext{}, security)
	assert.Empty(t, IdentityOf(&corev1.Pod{}))
}

func TestPod_RunsAsRootOnlyIfAsked(t *testing.T) {
	s := spec()
	assert.True(t, *newTestClient(t).NewPod(s).Spec.SecurityContext.RunAsNonRoot)
	s.Identity.User = ptr.To[int64](0)
	assert.False(t, *newTestClient(t).NewPod(s).Spec.SecurityContext.RunAsNonRoot)
}

func TestPod_UsesEmptyDirWithoutClaim(t *testing.T) {
	s := spec()
	s.Claim = ""
	assert.NotNil(t, newTestClient(t).NewPod(s).Spec.Volumes[0].EmptyDir)
}

func TestPod_NamesTheJournalInTheRunsOwnFolder(t *testing.T) {
	s := spec()
	assert.Empty(t, newTestClient(t).NewPod(s).Annotations)
	s.JournalInOwnFolder = "/data/volume-durability-0123456789abcdef/logs.log"
	assert.Equal(t, s.JournalInOwnFolder, newTestClient(t).NewPod(s).Annotations[JournalAnnotation])
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
