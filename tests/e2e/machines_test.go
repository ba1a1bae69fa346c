package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// The machines of the tests: the node of the writer, the node of the reader, and the NFS server
// with its address.
const (
	writerMachine = "m1"
	readerMachine = "m2"
	serverMachine = "m3"
	serverAddress = "10.213.0.13"
	syncExport    = "rw,no_root_squash,sync"
	asyncExport   = "rw,no_root_squash,async"
)

// withMachines adds the machines and removes them after the test. Where there can be none, it skips the
// test.
func withMachines(t *testing.T) {
	t.Helper()
	requireTestCluster(t)
	if !*withGuests {
		t.Skip("needs -machines: the guests work only with the containerd of the machine (make machines)")
	}
	var adding sync.WaitGroup
	for name, flags := range map[string][]string{
		writerMachine: nil, readerMachine: nil, serverMachine: {"--memory", "256M", "--nfs", syncExport},
	} {
		adding.Go(func() {
			args := append([]string{"machine", "add", name}, flags...)
			output, err := exec.CommandContext(within(t), *clusterTool, args...).CombinedOutput()
			if strings.Contains(string(output), "not available here") {
				t.Logf("%s", output)
				return
			}
			if assert.NoError(t, err, string(output)) {
				t.Cleanup(func() { tryCluster(t, "machine", "remove", name) })
			}
		})
	}
	adding.Wait()
	if t.Failed() {
		t.FailNow()
	}
	_, err := exec.CommandContext(within(t), *clusterTool, "machine", "run", serverMachine, "true").CombinedOutput()
	if err != nil {
		t.Skip("there are no machines of their own here, see the log")
	}
}

// nfsClass creates a StorageClass whose volumes are folders on the NFS server, and removes it
// after the test.
func nfsClass(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	classes := ns.Kube.StorageV1().StorageClasses()
	class, err := classes.Create(within(t), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: ns.Name}, Provisioner: "csi.volume-durability.test",
		Parameters: map[string]string{"backend": "nfs", "server": serverAddress}, MountOptions: []string{"nfsvers=4.2"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, classes.Delete(within(t), class.Name, metav1.DeleteOptions{})) })
	return class.Name
}

// overNFS returns the options of a run whose writers are on one machine and whose reader is on
// another one.
func overNFS(t *testing.T, ns *chaosengine.Namespace, env map[string]string) map[string]string {
	t.Helper()
	all := short(map[string]string{
		"STORAGE_CLASS": nfsClass(t, ns), "ACCESS_MODE": "ReadWriteMany", "FORCE": "true",
		"WRITER_NODE": writerMachine, "READER_NODE": readerMachine,
		"TOLERATIONS": "volume-durability.test/machine:NoSchedule", "REQUIRED_EVIDENCE": "other-machine",
	})
	maps.Copy(all, env)
	return all
}

// No other test runs at the same time, because the machines and their StorageClasses belong to
// the whole cluster.
func TestMachines(t *testing.T) {
	withMachines(t)
	t.Run("over NFS, the reader is on another machine", testOtherMachine)
	t.Run("a power cut of the writer's node loses nothing over NFS", testPowerCutOfTheWriter)
	t.Run("a node that does not come back loses nothing over NFS", testNodeThatDoesNotReturn)
	t.Run("a power cut of an asynchronous NFS server loses what it acknowledged", testPowerCutOfTheServer)
}

func testOtherMachine(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := run(t, ns, overNFS(t, ns, nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	requireNothingLeft(t, ns)
}

// requireOtherMachine fails the test unless the evidence has the kernels of two machines.
func requireOtherMachine(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	require.Len(t, o.result.Cells, 1)
	p := o.result.Cells[0].Provenance
	assert.Equal(t, provenance.OtherMachine, p.Level, p.NotReachedReason)
	require.NotNil(t, p.Reader)
	assert.Equal(t, writerMachine, p.Writer.Node)
	assert.Equal(t, readerMachine, p.Reader.Node)
	assert.Equal(t, bootID(t, ns, writerMachine), p.Writer.BootID)
	assert.Equal(t, bootID(t, ns, readerMachine), p.Reader.BootID)
	assert.NotEqual(t, p.Writer.BootID, p.Reader.BootID)
}

func bootID(t *testing.T, ns *chaosengine.Namespace, node string) string {
	t.Helper()
	found, err := ns.Kube.CoreV1().Nodes().Get(within(t), node, metav1.GetOptions{})
	require.NoError(t, err)
	return found.Status.NodeInfo.BootID
}

// The node of the writer loses its power while it writes, and is started again. In the last run, the
// reader is on that node.
func testPowerCutOfTheWriter(t *testing.T) {
	for _, reader := range []string{readerMachine, readerMachine, writerMachine} {
		ns := newNamespace(t)
		grantOptional(t, ns)
		env := map[string]string{"TOTAL_CHAOS_DURATION": "10", "CHAOS_INTERVAL": "10", "READER_NODE": reader}
		if reader == writerMachine {
			env["REQUIRED_EVIDENCE"] = "remounted"
		}
		start(t, ns, overNFS(t, ns, env))
		awaitChaos(t, ns)
		moment := rand.N(3 * time.Second)
		t.Logf("the power is cut %s after the first acknowledgement", moment)
		<-time.After(moment)
		cluster(t, "machine", "cut", writerMachine)
		cluster(t, "machine", "start", writerMachine)
		o := await(t, ns)
		assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
		if reader == writerMachine {
			requireRestarted(t, ns, o)
		}
		requireNothingLeft(t, ns)
	}
}

// requireRestarted fails the test unless the evidence shows that the node was started again between the
// writer and the reader.
func requireRestarted(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	p := o.result.Cells[0].Provenance
	require.NotNil(t, p.Reader)
	require.NotNil(t, p.Restarted)
	assert.Equal(t, provenance.Yes, p.Restarted.Answer, p.Restarted.Reason)
	assert.Equal(t, bootID(t, ns, writerMachine), p.Reader.BootID)
	assert.NotEqual(t, p.Writer.BootID, p.Reader.BootID)
	assert.Equal(t, provenance.No, p.OtherKernel.Answer, "it is not another machine")
	assert.GreaterOrEqual(t, p.Level, provenance.Remounted, p.NotReachedReason)
}

// The node of the writer loses its power, and stays off. The taint makes Kubernetes delete its pods and detach its
// volumes as soon as the node is not ready; without it, that takes minutes. The reader runs on the other machine.
func testNodeThatDoesNotReturn(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	const label = "volume-durability.test/has-writer"
	for _, machine := range []string{writerMachine, readerMachine} {
		require.NoError(t, updateNode(within(t), ns, machine, func(node *corev1.Node) { node.Labels[label] = "true" }))
	}
	start(t, ns, overNFS(t, ns, map[string]string{
		"WRITER_NODE": "any", "READER_NODE": "any", "NODE_SELECTOR": label + "=true",
		"REQUIRED_EVIDENCE": "read-back", "FORCE": "false",
		"TOTAL_CHAOS_DURATION": "10", "CHAOS_INTERVAL": "10", "STATUS_CHECK_TIMEOUT": "240",
	}))
	node := awaitChaos(t, ns).Spec.NodeName
	cluster(t, "machine", "cut", node)
	t.Cleanup(func() { cluster(t, "machine", "start", node) })
	outOfService := corev1.Taint{
		Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute,
	}
	require.NoError(t, updateNode(within(t), ns, node, func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, outOfService)
	}))
	t.Cleanup(func() {
		require.NoError(t, updateNode(within(t), ns, node, func(n *corev1.Node) {
			n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&outOfService) })
		}))
	})
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	cell := o.result.Cells[0]
	require.NotNil(t, cell.Reader)
	assert.Equal(t, node, cell.Epochs[0].Node)
	assert.NotEqual(t, node, cell.Reader.Node)
	requireNothingLeft(t, ns)
}

// An asynchronous server acknowledges what it has only in memory. It loses its power when the
// writer is deleted.
func testPowerCutOfTheServer(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	cluster(t, "machine", "export", serverMachine, asyncExport)
	t.Cleanup(func() { cluster(t, "machine", "export", serverMachine, syncExport) })
	var starting sync.WaitGroup
	t.Cleanup(starting.Wait)
	phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
		tryCluster(t, "machine", "cut", serverMachine)
		// This may take longer than a webhook may.
		starting.Go(func() { tryCluster(t, "machine", "start", serverMachine) })
	})
	o := run(t, ns, overNFS(t, ns, nil))
	starting.Wait()
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	cell := o.result.Cells[0]
	require.NotEmpty(t, cell.Findings)
	for _, finding := range cell.Findings {
		requireDamageOnServer(t, cell, finding)
	}
	requireNothingLeft(t, ns)
}

// requireDamageOnServer compares a finding with the journal that is left on the server. The folder
// of a deleted volume stays there.
func requireDamageOnServer(t *testing.T, cell result.Cell, finding judge.Finding) {
	t.Helper()
	journal := "/export/" + cell.Claim.Handle + "/logs.log"
	const count = `test ! -e "$1" || tail -c +$(($2+1)) "$1" | head -c $(($3-$2)) | tr -d '\0' | wc -c`
	left := onMachine(t, serverMachine, count, journal, fmt.Sprint(finding.Offset), fmt.Sprint(finding.End))
	switch finding.Class {
	case judge.Missing:
		assert.Empty(t, left, "there must be no journal")
	case judge.Corrupt, judge.LostTail:
		assert.Equal(t, "0", left, "there must be no record from byte %d to %d", finding.Offset, finding.End)
	default:
		assert.Fail(t, "an asynchronous server does not lose data in that way", "%+v", finding)
	}
}

// onMachine runs a shell script with arguments on a machine, and returns its output.
func onMachine(t *testing.T, machine, script string, args ...string) string {
	t.Helper()
	command := append([]string{"machine", "run", machine, "sh", "-c", script, "sh"}, args...)
	output, err := exec.CommandContext(within(t), *clusterTool, command...).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(output))
}
