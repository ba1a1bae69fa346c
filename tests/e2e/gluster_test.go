package e2e

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// glusterOptions returns the options of a run on the class csi-gluster, a network filesystem.
// Each of its two servers has a replica, and each node has its own client.
func glusterOptions(env map[string]string) map[string]string {
	all := withRecovery(map[string]string{
		"STORAGE_CLASS": "csi-gluster", "ACCESS_MODE": "ReadWriteMany", "READER_NODE": "other", "FORCE": "true",
		"REQUIRED_EVIDENCE": "reattached",
	})
	for name, value := range env {
		all[name] = value
	}
	return all
}

func requireReplicated(t *testing.T, o outcome) {
	t.Helper()
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	require.Len(t, o.result.Cells, 1)
	cell := o.result.Cells[0]
	assert.Equal(t, judge.Pass, cell.Verdict, cell.Reason)
	assert.Equal(t, provenance.Reattached, cell.Provenance.Level, cell.Provenance.NotReachedReason)
	assert.Contains(t, o.probe(t, "verify").Description, "are intact")
	requireMeasured(t, cell)
}

func TestNetworkFilesystem_KeepsAcknowledgedRecords(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	grantOptional(t, ns)
	requireReplicated(t, run(t, ns, glusterOptions(nil)))
	requireNothingLeft(t, ns)
}

// One of the two servers is killed at the first deletion. It is started again, with a stale
// replica, when the reader is created.
func TestNetworkFilesystem_KeepsAcknowledgedRecordsIfAServerFails(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	grantOptional(t, ns)
	const server = "gluster-n2"
	var killed, started sync.Once
	var starting sync.WaitGroup
	t.Cleanup(func() { cluster(t, "start", server) })
	onAdmission(t, ns, "pods", func(operation admissionv1.Operation, pod string) {
		switch {
		case operation == admissionv1.Delete && pod == "write-pod":
			killed.Do(func() { tryCluster(t, "kill", server) })
		case operation == admissionv1.Create && pod == "read-pod":
			started.Do(func() {
				stale, current := replicas(t, ns)
				assert.Less(t, len(stale), len(current), "the replica of the killed server must be stale")
				// The command returns when the whole cluster is ready. That may take longer than a webhook may.
				starting.Go(func() { tryCluster(t, "start", server) })
			})
		}
	})
	t.Cleanup(starting.Wait)
	requireReplicated(t, run(t, ns, glusterOptions(map[string]string{"KEEP": "true"})))
	starting.Wait()
	eventually(t, func() bool {
		healed, current := replicas(t, ns)
		return len(current) > 0 && string(healed) == string(current)
	})
}

// replicas returns the journal in the replicas of the second and the first server.
func replicas(t *testing.T, ns *chaosengine.Namespace) (second, first []byte) {
	t.Helper()
	claim, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	if !assert.NoError(t, err) {
		return nil, nil
	}
	volume, err := ns.Kube.CoreV1().PersistentVolumes().Get(within(t), claim.Spec.VolumeName, metav1.GetOptions{})
	if !assert.NoError(t, err) {
		return nil, nil
	}
	const bricks = "/var/lib/volume-durability-cluster/gluster"
	first, err = os.ReadFile(filepath.Join(bricks, "brick-1", volume.Spec.CSI.VolumeHandle, "logs.log"))
	assert.NoError(t, err)
	second, err = os.ReadFile(filepath.Join(bricks, "brick-2", volume.Spec.CSI.VolumeHandle, "logs.log"))
	assert.NoError(t, err)
	return second, first
}
