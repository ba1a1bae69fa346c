package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// If a volume fails before the first acknowledgement, no acknowledged record can be lost, so
// the verdict is Error. If it becomes read-only later, the verdict is Fail. If it becomes full
// later, no record is lost, but the chaos ends early, so the verdict is Error.
func TestVolumeRefusal_EndsInAVerdictWithAdvice(t *testing.T) {
	const (
		full     = "write /data/logs.log: no space left on device"
		readOnly = "open /data/logs.log: read-only file system"
	)
	atOnce := func(_ *testing.T, _ *chaosengine.Namespace, refuse func() error) error { return refuse() }
	whenDeleted := func(t *testing.T, ns *chaosengine.Namespace, refuse func() error) error {
		phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() { assert.NoError(t, refuse()) })
		return nil
	}
	// The API server waits for onAdmission, and the writer ends only after the deletion is admitted.
	onceWriterEnds := func(t *testing.T, ns *chaosengine.Namespace, refuse func() error) error {
		var refusing sync.WaitGroup
		var once sync.Once
		t.Cleanup(refusing.Wait)
		phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
			once.Do(func() { refusing.Go(func() { assert.NoError(t, refuse()) }) })
		})
		return nil
	}
	for name, c := range map[string]struct {
		refuse  func(folder string) error
		when    func(*testing.T, *chaosengine.Namespace, func() error) error
		verdict chaosv1alpha1.ResultVerdict
		want    []string
	}{
		"full from the beginning": {
			fill, atOnce, chaosv1alpha1.ResultVerdictError, []string{full, "CLAIM_SIZE"},
		},
		"full after the first writer": {
			fill, whenDeleted, chaosv1alpha1.ResultVerdictError,
			[]string{full, "CLAIM_SIZE", "acknowledged records are intact"},
		},
		"read-only from the beginning": {
			makeReadOnly, atOnce, chaosv1alpha1.ResultVerdictError, []string{readOnly, "kubectl describe pv"},
		},
		"read-only after the first writer": {
			makeReadOnly, onceWriterEnds, chaosv1alpha1.ResultVerdictFailed, []string{readOnly, "kubectl describe pv"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			name := "e2e-" + rand.String(6)
			folder := smallVolume(t, name)
			ns := namespace(t, name)
			require.NoError(t, c.when(t, ns, func() error { return c.refuse(folder) }))
			o := run(t, ns, map[string]string{
				"STORAGE_CLASS": smallClass, "CLAIM_SIZE": smallSize, "TOTAL_CHAOS_DURATION": "60", "CHAOS_INTERVAL": "3",
			})
			assert.Equal(t, c.verdict, o.verdict())
			reason := o.probe(t, "verify").Description
			if c.verdict == chaosv1alpha1.ResultVerdictError {
				require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
				reason = o.Status.ExperimentStatus.ErrorOutput.Reason
			}
			for _, want := range append(c.want, "write-pod, the writer of epoch") {
				assert.Contains(t, reason, want)
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

// smallVolume creates a volume with its own filesystem for the claim of a run in a namespace,
// and removes it after the test. Call it before the namespace is created, so that the volume
// is removed after the namespace.
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
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: namespace, Name: options.Defaults().ClaimName,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: folder, Type: &kind},
			},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, volumes.Delete(within(t), namespace, metav1.DeleteOptions{})) })
	return folder
}

// faultyClass creates a StorageClass of the project's CSI driver whose volumes have a fault from
// the beginning, and returns its name.
func faultyClass(t *testing.T, ns *chaosengine.Namespace, fault string) string {
	t.Helper()
	return createFaultyClass(t, ns, ns.Name, fault, "mount")
}

// createFaultyClass creates a StorageClass of the project's CSI driver whose volumes have a fault from a moment on, and
// returns its name.
func createFaultyClass(t *testing.T, ns *chaosengine.Namespace, name, fault, at string) string {
	t.Helper()
	return createClass(t, ns, name, map[string]string{"backend": "faulty", "fault": fault, "at": at})
}

// createClass creates a StorageClass of the project's CSI driver, and returns its name.
func createClass(
	t *testing.T, ns *chaosengine.Namespace, name string, parameters map[string]string, mountOptions ...string,
) string {
	t.Helper()
	classes := ns.Kube.StorageV1().StorageClasses()
	class, err := classes.Get(within(t), "csi-faulty", metav1.GetOptions{})
	require.NoError(t, err)
	class.ObjectMeta = metav1.ObjectMeta{Name: name}
	class.Parameters, class.MountOptions = parameters, mountOptions
	_, err = classes.Create(within(t), class, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, classes.Delete(within(t), name, metav1.DeleteOptions{})) })
	return name
}

// A filesystem that cannot append or sync is no finding. The reason names the call.
func TestVolumeLimit_IsAnErrorThatNamesTheCall(t *testing.T) {
	for fault, want := range map[string]string{
		"unsupported:call=append":             "the filesystem cannot append to a file: open(2) with O_APPEND failed",
		"unsupported:call=sync,errno=ENOTSUP": "the filesystem cannot sync a file: fdatasync(2) failed",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			requireTestCluster(t)
			ns := newNamespace(t)
			o := run(t, ns, short(map[string]string{"STORAGE_CLASS": faultyClass(t, ns, fault)}))
			assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
			assert.Contains(t, o.result.Reason, want)
			assert.Contains(t, o.result.Reason, "raw block device")
			assert.Empty(t, o.result.Cells[0].Findings)
			requireNothingLeft(t, ns)
		})
	}
}

// A volume that does not support a call of a write pattern is no finding, and the cell is no Pass.
func TestVolumeLimit_SkipsTheWritePattern(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	o := run(t, ns, short(map[string]string{
		"STORAGE_CLASS": faultyClass(t, ns, "unsupported:call=mmap"), "WRITE_PATTERN": "append,map",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	require.Len(t, o.result.Cells, 2)
	assert.Equal(t, judge.Pass, o.result.Cells[0].Verdict)
	assert.Equal(t, judge.Skipped, o.result.Cells[1].Verdict)
	assert.Contains(t, o.result.Cells[1].Reason, "the filesystem cannot map a file into memory: mmap(2) failed")
	requireNothingLeft(t, ns)
}

// fill writes to a file beside the journal until the filesystem is full.
func fill(folder string) error {
	file, err := os.Create(filepath.Join(folder, "foreign"))
	if err != nil {
		return err
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, os.Getpagesize()))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("filling %s: %w", folder, err)
	}
	return nil
}

// makeReadOnly makes all later mounts of the volume read-only.
func makeReadOnly(folder string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return wait.PollUntilContextCancel(ctx, 10*time.Millisecond, true, func(context.Context) (bool, error) {
		err := syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		return err == nil, ignoreBusy(err)
	})
}

// ignoreBusy returns nil for EBUSY: a writer still has the journal open.
func ignoreBusy(err error) error {
	if errors.Is(err, syscall.EBUSY) {
		return nil
	}
	return err
}
