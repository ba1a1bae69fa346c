package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// bindfs writes through to another filesystem. Once the writer is deleted, the kubelet unmounts the volume, and the
// next writer gets a new daemon.
func TestFUSEDaemon_KilledLosesNothingIfItWritesThrough(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := runOnDyingDaemon(t, ns, "stig-pvc", map[string]string{"STORAGE_CLASS": fuseClass(t, ns, "bindfs", "true")})
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireDisconnectedWriter(t, o)
	cell := o.result.Cells[0]
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	require.NotNil(t, cell.Epochs[1].InitialRead)
	assert.NotZero(t, cell.Epochs[1].InitialRead.Judgement.Intact)
	requireNothingLeft(t, ns)
}

// fuse-zip keeps what is written in memory until it is unmounted.
func TestFUSEDaemon_KilledLosesWhatItKeptInMemory(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := runOnDyingDaemon(t, ns, "stig-pvc", map[string]string{"STORAGE_CLASS": fuseClass(t, ns, "fuse-zip", "true")})
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	requireDisconnectedWriter(t, o)
	cell := o.result.Cells[0]
	var acknowledged uint64
	for _, ack := range cell.Acks {
		if ack.Epoch == 1 {
			acknowledged = ack.Seq
		}
	}
	require.NotZero(t, acknowledged)
	require.Len(t, cell.Findings, 1)
	found := cell.Findings[0]
	found.Detail = ""
	assert.Equal(t, judge.Finding{
		Class: judge.Missing, Epoch: 1, First: 1, Last: acknowledged, Records: acknowledged,
	}, found)
	requireNothingLeft(t, ns)
}

// The application keeps the volume mounted on its node, so the kubelet does not stage it again for the next writer. The
// driver mounts it again when it publishes it. The application itself gets errors until it is deleted.
func TestFUSEDaemon_KilledWhileAnApplicationUsesTheVolume(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := runBesideApplication(t, ns, fuseClass(t, ns, "gocryptfs", "true"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireDisconnectedWriter(t, o)
	assert.Empty(t, o.result.NotRemoved)
	requireDisconnectedApplication(t, ns)
}

// The driver finds that the volume is mounted and does not look whether its daemon is alive.
func TestFUSEDaemon_KilledWhileAnApplicationUsesTheVolumeAndTheDriverDoesNotMountAgain(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	o := runBesideApplication(t, ns, fuseClass(t, ns, "bindfs", "false"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	requireDisconnectedWriter(t, o)
	cell := o.result.Cells[0]
	require.Len(t, cell.Findings, 1)
	assert.Equal(t, judge.Unavailable, cell.Findings[0].Class)
	for _, want := range []string{
		"write-pod did not start: CreateContainerError", "transport endpoint is not connected",
		"check whether the FUSE daemon of the volume has died",
	} {
		assert.Contains(t, cell.Findings[0].Detail, want)
		assert.Contains(t, o.probe(t, "verify").Description, want)
	}
	require.Len(t, cell.Epochs, 2)
	assert.Zero(t, cell.Epochs[1].FirstAckAt)
	assert.Nil(t, cell.Reader)
	requireDisconnectedApplication(t, ns)
}

// fuseClass creates a StorageClass whose volumes a FUSE program serves, and returns its name. If remount is false, the
// CSI driver does not mount a volume again after its daemon has died.
func fuseClass(t *testing.T, ns *chaosengine.Namespace, program, remount string) string {
	t.Helper()
	requireTestCluster(t)
	return createClass(t, ns, ns.Name, map[string]string{"backend": "fuse", "program": program, "remount": remount})
}

// runBesideApplication runs like runOnDyingDaemon, on a claim that an application uses.
func runBesideApplication(t *testing.T, ns *chaosengine.Namespace, class string) outcome {
	t.Helper()
	claimOf(t, ns, class, corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	user := ptr.To[int64](65532)
	runApplication(t, ns, kube.Placement{}, kube.Identity{User: user, Group: user, FSGroup: user})
	return runOnDyingDaemon(t, ns, "claim", map[string]string{"EXISTING_CLAIM": "claim", "WRITER_NODE": "claim"})
}

// runOnDyingDaemon runs the experiment. The daemon of the claim's volume is killed while the first writer writes, and
// the writer is deleted after it has ended.
func runOnDyingDaemon(t *testing.T, ns *chaosengine.Namespace, claim string, env map[string]string) outcome {
	t.Helper()
	phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
		killDaemon(t, ns, claim)
		awaitEnd(t, ns, "write-pod")
	})
	return run(t, ns, severalDeletions(env))
}

// killDaemon kills the daemon of the FUSE volume of a claim. It does not end the test.
func killDaemon(t *testing.T, ns *chaosengine.Namespace, claim string) {
	t.Helper()
	bound, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), claim, metav1.GetOptions{})
	if !assert.NoError(t, err) {
		return
	}
	volume, err := ns.Kube.CoreV1().PersistentVolumes().Get(within(t), bound.Spec.VolumeName, metav1.GetOptions{})
	if !assert.NoError(t, err) {
		return
	}
	const volumes = "/var/lib/volume-durability-cluster/volumes/csi"
	content, err := os.ReadFile(filepath.Join(volumes, volume.Spec.CSI.VolumeHandle, "daemon.pid"))
	if !assert.NoError(t, err) {
		return
	}
	pid, err := strconv.Atoi(string(content))
	if assert.NoError(t, err) {
		assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
}

// hookPatience is less than the API server waits for a webhook. After that, it deletes the pod.
const hookPatience = 20 * time.Second

// awaitEnd returns once a pod has failed or is gone. A webhook may call it. It does not end the test.
func awaitEnd(t *testing.T, ns *chaosengine.Namespace, name string) {
	t.Helper()
	assert.Eventually(t, func() bool {
		pod, err := ns.Kube.CoreV1().Pods(ns.Name).Get(within(t), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err) || err == nil && pod.Status.Phase == corev1.PodFailed
	}, hookPatience, 100*time.Millisecond)
}

// requireDisconnectedWriter fails the test unless the result has the error and the time with which the first writer
// ended.
func requireDisconnectedWriter(t *testing.T, o outcome) {
	t.Helper()
	require.Len(t, o.result.Cells, 1)
	cell := o.result.Cells[0]
	first := cell.Epochs[0]
	require.NotNil(t, first.ExitError)
	disconnected := []syscall.Errno{syscall.ENOTCONN, syscall.ECONNABORTED}
	assert.Contains(t, disconnected, first.ExitError.Errno, first.ExitError.Error())
	assert.True(t, first.ExitedAt.After(first.FirstAckAt) && first.ExitedAt.Before(first.DeletedAt), first.ExitedAt)
	requireExitNote(t, cell)
	for _, e := range cell.Epochs[1:] {
		assert.Nil(t, e.ExitError, "only the first daemon was killed")
	}
}

func requireExitNote(t *testing.T, cell result.Cell) {
	t.Helper()
	want := "writer 1 exited before it was deleted: " + cell.Epochs[0].ExitError.Error() + ", received at " +
		cell.Epochs[0].ExitedAt.UTC().Format(time.RFC3339)
	assert.Contains(t, cell.Reason, want)
	assert.Contains(t, cell.Reason, "its FUSE daemon had died")
}

// requireDisconnectedApplication fails the test unless the application still gets errors from the volume.
func requireDisconnectedApplication(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	_, err := ns.Exec(within(t), "database-0", "ls", "/data")
	assert.ErrorContains(t, err, "Transport endpoint is not connected")
}
