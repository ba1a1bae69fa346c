package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// A volume that refuses before anything was acknowledged has broken no promise. One
// that cannot be written any more afterwards has; one that is full has not, but then
// the chaos was not carried out.
func TestAVolumeThatRefusesEndsInAVerdictThatSaysSo(t *testing.T) {
	const noRoom, readOnly = "write /data/logs.log: no space left on device", "open /data/logs.log: read-only file system"
	atOnce := func(_ *testing.T, _ *chaosengine.Namespace, refuse func() error) error { return refuse() }
	whenDeleted := func(t *testing.T, ns *chaosengine.Namespace, refuse func() error) error {
		phase{happens: deletion, what: "write-pod"}.foresee(t, ns, func() { assert.NoError(t, refuse()) })
		return nil
	}
	for name, c := range map[string]struct {
		refuse  func(folder string) error
		when    func(*testing.T, *chaosengine.Namespace, func() error) error
		verdict chaosv1alpha1.ResultVerdict
		says    []string
	}{
		"full from the beginning":          {fill, atOnce, chaosv1alpha1.ResultVerdictError, []string{noRoom, "CLAIM_SIZE"}},
		"full after the first writer":      {fill, whenDeleted, chaosv1alpha1.ResultVerdictError, []string{noRoom, "CLAIM_SIZE", "All acknowledged records were there"}},
		"read-only from the beginning":     {makeReadOnly, atOnce, chaosv1alpha1.ResultVerdictError, []string{readOnly, "kubectl describe pv"}},
		"read-only after the first writer": {makeReadOnly, whenDeleted, chaosv1alpha1.ResultVerdictFailed, []string{readOnly, "kubectl describe pv"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			name := "e2e-" + rand.String(6)
			folder := smallVolume(t, name)
			ns := namespace(t, name)
			require.NoError(t, c.when(t, ns, func() error { return c.refuse(folder) }))
			o := run(t, ns, map[string]string{"STORAGE_CLASS": smallClass, "CLAIM_SIZE": smallSize, "TOTAL_CHAOS_DURATION": "60", "CHAOS_INTERVAL": "3"})
			assert.Equal(t, c.verdict, o.verdict())
			said := o.probe(t, "verify").Description
			if c.verdict == chaosv1alpha1.ResultVerdictError {
				require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
				said = o.Status.ExperimentStatus.ErrorOutput.Reason
			}
			for _, says := range append(c.says, "write-pod, the writer of epoch") {
				assert.Contains(t, said, says)
			}
			requireNothingLeft(t, ns)
		})
	}
}

const (
	// smallClass is the StorageClass without a provisioner.
	smallClass = "faulty"
	smallSize  = "1Mi"
)

// smallVolume offers a volume on a filesystem of its own to the claim of a run in a
// namespace, until the test is over. The volume is gone after the namespace where it
// is made before it.
func smallVolume(t *testing.T, namespace string) (folder string) {
	t.Helper()
	requireTestCluster(t)
	folder = filepath.Join("/var/lib/volume-durability-cluster/volumes", namespace)
	require.NoError(t, os.Mkdir(folder, 0o755))
	t.Cleanup(func() { require.NoError(t, os.Remove(folder)) })
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0777,size=1m"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, 0)) })
	kind := corev1.HostPathDirectory
	volumes := connect(t).Kube.CoreV1().PersistentVolumes()
	_, err := volumes.Create(within(t), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(smallSize)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName:              smallClass,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: namespace, Name: options.Defaults().ClaimName},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: folder, Type: &kind}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, volumes.Delete(within(t), namespace, metav1.DeleteOptions{})) })
	return folder
}

// fill writes to a file beside the journal until there is no room any more.
func fill(folder string) error {
	theirs, err := os.Create(filepath.Join(folder, "theirs"))
	if err != nil {
		return err
	}
	defer theirs.Close()
	for err == nil {
		_, err = theirs.Write(make([]byte, os.Getpagesize()))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("filling %s: %w", folder, err)
	}
	return nil
}

// makeReadOnly lets nobody who mounts the volume from now on write to it.
func makeReadOnly(folder string) error {
	return syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
}
