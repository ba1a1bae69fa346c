package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/options"
)

func TestVolumeGroup_NamesDriversThatIgnoreIt(t *testing.T) {
	for name, c := range map[string]struct {
		policy storagev1.FSGroupPolicy
		mode   string
		status Status
		want   string
	}{
		"none":            {storagev1.NoneFSGroupPolicy, "ReadWriteOnce", Warning, "p has fsGroupPolicy None"},
		"file":            {storagev1.FileFSGroupPolicy, "ReadWriteMany", Passed, ""},
		"default":         {storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy, "ReadWriteOnce", Passed, ""},
		"default, shared": {storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy, "ReadWriteMany", Warning, "StorageClass fast"},
	} {
		t.Run(name, func(t *testing.T) {
			driver := &storagev1.CSIDriver{
				ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: storagev1.CSIDriverSpec{FSGroupPolicy: ptr.To(c.policy)},
			}
			env := map[string]string{"ACCESS_MODE": c.mode}
			check := checks(t, env, allowAll, append(cluster("n1"), driver)...)["fsGroupPolicy"]
			assert.Equal(t, c.status, check.Status, check.Message)
			assert.Contains(t, check.Message, c.want)
		})
	}
}

// client-go rejects the name of such a provisioner as that of a CSIDriver.
func TestVolumeGroup_AProvisionerMayBeNoCSIDriver(t *testing.T) {
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: "local"}, Provisioner: "rancher.io/local-path",
	}
	env := map[string]string{"STORAGE_CLASS": "local"}
	check := checks(t, env, allowAll, append(cluster("n1"), class)...)["fsGroupPolicy"]
	assert.Equal(t, Passed, check.Status)
	assert.Contains(t, check.Message, "StorageClass local: rancher.io/local-path is not a CSI driver, so it has no fsGroupPolicy")
}

func TestBlockOwnership_SaysWhatToCheck(t *testing.T) {
	both := map[string]string{"VOLUME_MODE": "Filesystem,Block"}
	check := checks(t, both, allowAll, cluster("n1")...)["block device ownership"]
	assert.Equal(t, Warning, check.Status)
	assert.Contains(t, check.Message, "not checked")
	assert.Contains(t, check.Message, "device_ownership_from_security_context")
	assert.NotContains(t, checks(t, nil, allowAll, cluster("n1")...), "block device ownership")
}

// claimWith returns the existing claim and a pod that uses it.
func claimWith(mode corev1.PersistentVolumeAccessMode, phase corev1.PodPhase) []runtime.Object {
	return []runtime.Object{
		&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "data"},
			Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{mode}},
		},
		&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "app"},
			Spec: corev1.PodSpec{NodeName: "n2", Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
			}}}},
			Status: corev1.PodStatus{Phase: phase},
		},
	}
}

func TestExistingClaim_NamesThePodThatUsesIt(t *testing.T) {
	for name, c := range map[string]struct {
		mode   corev1.PersistentVolumeAccessMode
		phase  corev1.PodPhase
		reader options.ReaderNode
		status Status
		want   string
	}{
		"shared":             {corev1.ReadWriteMany, corev1.PodRunning, "any", Passed, "app on node n2"},
		"one node":           {corev1.ReadWriteOnce, corev1.PodRunning, "same", Warning, "set WRITER_NODE=claim"},
		"another node":       {corev1.ReadWriteOnce, corev1.PodRunning, "other", Failed, "READER_NODE=other needs another"},
		"one pod":            {corev1.ReadWriteOncePod, corev1.PodPending, "any", Failed, "stop that pod"},
		"a pod that has run": {corev1.ReadWriteOncePod, corev1.PodSucceeded, "any", Passed, "no other pod uses it"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"EXISTING_CLAIM": "data", "READER_NODE": string(c.reader)}
			objects := append(cluster("n1", "n2"), claimWith(c.mode, c.phase)...)
			check := checks(t, env, allowAll, objects...)["use of claim data"]
			assert.Equal(t, c.status, check.Status, check.Message)
			assert.Contains(t, check.Message, c.want)
		})
	}
}

func TestNamespace_ComparesTheUserWithThoseOfOpenShift(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](65532)}}}
	c := checkUser("1000680000/10000", pod)
	assert.Equal(t, Warning, c.Status)
	assert.Contains(t, c.Message, "user 65532, but restricted-v2 allows only the users 1000680000/10000")
	assert.Equal(t, Passed, checkUser("65000/1000", pod).Status)
	assert.Equal(t, Passed, checkUser("1000680000/10000", &corev1.Pod{}).Status)
	assert.False(t, inRange(66000, "65000/1000"))
}
