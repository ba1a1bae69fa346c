package kubectlsteps

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func all(steps []Step) string {
	var s strings.Builder
	for _, step := range steps {
		s.WriteString(step.Commands + "\n")
	}
	return s.String()
}

func TestTheStepsAreThoseOfTheCheckWithTheNamesOfTheRun(t *testing.T) {
	r := samples.Pass()
	said := all(Steps(r, r.Cells[0]))
	for _, want := range []string{
		"storageClassName: ceph-rbd\n",
		"kubectl -n stig exec write-pod -- sh -c 'date >> /data/logs.log && sync'\n",
		"kubectl -n stig delete pod write-pod\n",
		"kubectl -n stig exec read-pod -- sh -c 'cat /data/logs.log'\n",
		"nodeName: node-a\n",
	} {
		assert.Contains(t, said, want)
	}
}

func TestADeletionByForceIsOneByHandToo(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Plan.Force = true
	assert.Contains(t, all(Steps(r, r.Cells[0])), "delete pod write-pod --grace-period=0 --force\n")
}

func TestWhatTheRunDidNotMakeIsNotMadeOrRemoved(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Plan.ExistingClaim = "precious"
	r.Cells[0].Claim.Name = "precious"
	said := all(Steps(r, r.Cells[0]))
	assert.NotContains(t, said, "kind: PersistentVolumeClaim")
	assert.NotContains(t, said, "pvc/")
	assert.Contains(t, said, "claimName: precious")
}

func TestADeviceIsWrittenAsOne(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Plan.VolumeMode, r.Cells[0].File = corev1.PersistentVolumeBlock, "/dev/volume"
	said := all(Steps(r, r.Cells[0]))
	assert.Contains(t, said, "devicePath: /dev/volume")
	assert.Contains(t, said, "dd of=/dev/volume conv=notrunc,fsync")
	assert.NotContains(t, said, "mountPath")
}

func TestManifestsAreWhatKubernetesReads(t *testing.T) {
	h := hand{claim: "1e3", reader: "true", file: "/da ta/logs.log", size: "5Gi", plan: options.CellSpec{VolumeSource: options.Claim, AccessMode: corev1.ReadWriteOnce, StorageClass: "a: b"}}
	var claim corev1.PersistentVolumeClaim
	require.NoError(t, yaml.UnmarshalStrict([]byte(h.claimManifest()), &claim))
	assert.Equal(t, "1e3", claim.Name)
	assert.Equal(t, "a: b", *claim.Spec.StorageClassName)
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict([]byte(h.pod("null", "n1", true)), &pod))
	assert.Equal(t, "null", pod.Name)
	assert.Equal(t, "/da ta", pod.Spec.Containers[0].VolumeMounts[0].MountPath)
	h.plan.VolumeSource = options.EmptyDir
	require.NoError(t, yaml.UnmarshalStrict([]byte(h.pod("p", "", false)), &pod))
	assert.NotNil(t, pod.Spec.Volumes[0].EmptyDir)
}

// A shell reads what is written for it: the same words come out, and nothing runs.
func TestNamesThatAShellWouldRunAreWords(t *testing.T) {
	r := samples.Pass()
	r.Options.Namespace = "a'; echo harm; '"
	r.Cells[0].File = "/data/$(echo harm)/it's here"
	script := "kubectl() { for a in \"$@\"; do printf '<%s>' \"$a\"; done; cat >/dev/null 2>&1 </dev/null; echo; }\n" + all(Steps(r, r.Cells[0]))
	out, err := exec.Command("sh", "-c", script).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.NotContains(t, string(out), "\nharm")
	assert.Contains(t, string(out), "<-n><a'; echo harm; '>")
	assert.Contains(t, string(out), `<cat '/data/$(echo harm)/it'\''s here'>`)
}
