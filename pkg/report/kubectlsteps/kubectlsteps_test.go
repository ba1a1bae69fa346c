package kubectlsteps

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// commands returns the commands of all steps.
func commands(r result.Result) string {
	var s strings.Builder
	for _, step := range Steps(r, r.Cells[0]) {
		s.WriteString(step.Commands + "\n")
	}
	return s.String()
}

func TestSteps_AreThoseOfTheSTIGCheckWithTheNamesOfTheRun(t *testing.T) {
	r := samples.Pass()
	got := commands(r)
	for _, want := range []string{
		"storageClassName: ceph-rbd\n",
		"kubectl -n stig exec write-pod -- sh -c 'date >> /data/logs.log && sync'\n",
		"kubectl -n stig delete pod write-pod\n",
		"kubectl -n stig exec read-pod -- sh -c 'cat /data/logs.log'\n",
		"nodeName: node-a\n",
	} {
		assert.Contains(t, got, want)
	}
}

func TestSteps_DeleteByForceIfTheRunDid(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Spec.Force = true
	assert.Contains(t, commands(r), "delete pod write-pod --grace-period=0 --force\n")
}

func TestSteps_NeitherCreateNorDeleteAnExistingClaim(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Spec.ExistingClaim = "precious"
	r.Cells[0].Claim.Name = "precious"
	got := commands(r)
	assert.NotContains(t, got, "kind: PersistentVolumeClaim")
	assert.NotContains(t, got, "pvc/")
	assert.Contains(t, got, "claimName: precious")
}

func TestSteps_WriteToABlockDevice(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Spec.VolumeMode, r.Cells[0].JournalFile = corev1.PersistentVolumeBlock, "/dev/volume"
	got := commands(r)
	assert.Contains(t, got, "devicePath: /dev/volume")
	assert.Contains(t, got, "dd of=/dev/volume conv=notrunc,fsync")
	assert.NotContains(t, got, "mountPath")
}

func TestManifest_IsValidForAnyName(t *testing.T) {
	o := objects{
		claim: "1e3", writer: "p", reader: "null", readerNode: "n1", file: "/da ta/logs.log", size: resource.MustParse("5Gi"),
		plan: options.CellSpec{VolumeSource: options.Claim, AccessMode: corev1.ReadWriteOnce, StorageClass: "a: b"},
	}
	var claim corev1.PersistentVolumeClaim
	require.NoError(t, yaml.UnmarshalStrict([]byte(manifest(o.claimObject())), &claim))
	assert.Equal(t, "1e3", claim.Name)
	assert.Equal(t, "a: b", *claim.Spec.StorageClassName)
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict([]byte(manifest(o.readerObject())), &pod))
	assert.Equal(t, "null", pod.Name)
	assert.Equal(t, "/da ta", pod.Spec.Containers[0].VolumeMounts[0].MountPath)
	o.plan.VolumeSource = options.EmptyDir
	require.NoError(t, yaml.UnmarshalStrict([]byte(manifest(o.writerObject())), &pod))
	assert.NotNil(t, pod.Spec.Volumes[0].EmptyDir)
}

// A real shell runs the commands: it must see the names as words and not execute them.
func TestSteps_QuoteNamesForTheShell(t *testing.T) {
	r := samples.Pass()
	r.Options.Namespace = "a'; echo harm; '"
	r.Cells[0].JournalFile = "/data/$(echo harm)/it's here"
	script := "kubectl() { for a in \"$@\"; do printf '<%s>' \"$a\"; done; cat >/dev/null 2>&1 </dev/null; echo; }\n" + commands(r)
	out, err := exec.Command("sh", "-c", script).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.NotContains(t, string(out), "\nharm")
	assert.Contains(t, string(out), "<-n><a'; echo harm; '>")
	assert.Contains(t, string(out), `<cat '/data/$(echo harm)/it'\''s here'>`)
}

// The manifests have the fields of the check's own and no others.
func TestManifest_HasOnlyTheFieldsOfTheSTIGCheck(t *testing.T) {
	r := samples.Pass()
	o := objectsOf(r, r.Cells[0])
	assert.YAMLEq(t, `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: stig-pvc}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ceph-rbd
  resources: {requests: {storage: 5Gi}}
`, manifest(o.claimObject()))
	assert.YAMLEq(t, `
apiVersion: v1
kind: Pod
metadata: {name: write-pod}
spec:
  containers:
  - name: busybox
    image: busybox
    command: [sleep, infinity]
    volumeMounts: [{name: log-storage, mountPath: /data}]
  volumes:
  - name: log-storage
    persistentVolumeClaim: {claimName: stig-pvc}
`, manifest(o.writerObject()))
	assert.YAMLEq(t, `
apiVersion: v1
kind: Pod
metadata: {name: read-pod}
spec:
  nodeName: node-a
  containers:
  - name: busybox
    image: busybox
    command: [sleep, infinity]
    volumeMounts: [{name: log-storage, mountPath: /data, readOnly: true}]
  volumes:
  - name: log-storage
    persistentVolumeClaim: {claimName: stig-pvc}
`, manifest(o.readerObject()))
}
