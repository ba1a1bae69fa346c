package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// The machines of the tests: the node of the writer, the node of the reader, and the servers of NFS and of iSCSI with
// their addresses.
const (
	writerMachine = "m1"
	readerMachine = "m2"
	serverMachine = "m3"
	serverAddress = "10.213.0.13"
	targetMachine = "m4"
	targetAddress = "10.213.0.14"
	syncExport    = "rw,no_root_squash,sync"
	asyncExport   = "rw,no_root_squash,async"
	// machineToleration tolerates the taint of the nodes that are machines.
	machineToleration = "volume-durability.test/machine:NoSchedule"
)

// bootTimeout is how many seconds a step of a run may take that waits until a machine is a ready node again.
const bootTimeout = 480

// withMachines adds machines, and removes them after the test. The keys are the names of the machines. The values are
// the flags of machine add. If there can be no machines on this computer, it skips the test.
func withMachines(t *testing.T, machines map[string][]string) {
	t.Helper()
	requireTestCluster(t)
	var adding sync.WaitGroup
	var unavailable atomic.Bool
	for name, flags := range machines {
		adding.Go(func() {
			if !addMachine(t, name, flags...) {
				unavailable.Store(true)
			}
		})
	}
	adding.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if unavailable.Load() {
		t.Skip("there are no machines of their own here, see the log")
	}
}

// asServer returns the flags of a machine that is a storage server. The flags in role select what it serves.
func asServer(role ...string) []string { return append([]string{"--memory", "256M"}, role...) }

// addMachine adds a machine and removes it after the test. It reports whether there is a machine, and does not end the
// test. Where there can be none, it prints the reason.
func addMachine(t *testing.T, name string, flags ...string) bool {
	t.Helper()
	// A command that was ended may leave a machine.
	t.Cleanup(func() { tryCluster(t, "machine", "remove", name) })
	args := append([]string{"machine", "add", name}, flags...)
	output, err := exec.CommandContext(within(t), *clusterTool, args...).CombinedOutput()
	if strings.Contains(string(output), "not available here") {
		fmt.Fprintf(os.Stderr, "SKIPPED: %s: %s", t.Name(), output) // go test shows no log of a skipped test
		return false
	}
	return assert.NoError(t, err, string(output))
}

// overNFS returns the options of a run over NFS.
func overNFS(t *testing.T, ns *chaosengine.Namespace, env map[string]string) map[string]string {
	t.Helper()
	return overNFSOf(t, ns, serverAddress, env)
}

// overNFSOf is overNFS with the server at another address, and with mount options.
func overNFSOf(
	t *testing.T, ns *chaosengine.Namespace, server string, env map[string]string, options ...string,
) map[string]string {
	t.Helper()
	class := nfsClass(t, ns, "nfs", server, options...)
	all := onTwoMachines(map[string]string{"STORAGE_CLASS": class, "ACCESS_MODE": "ReadWriteMany"})
	maps.Copy(all, env)
	return all
}

// onTwoMachines returns the options of a run whose writers are on one machine and whose reader is on another one.
func onTwoMachines(env map[string]string) map[string]string {
	all := short(map[string]string{
		"FORCE": "true", "WRITER_NODE": writerMachine, "READER_NODE": readerMachine,
		"TOLERATIONS": machineToleration, "REQUIRED_EVIDENCE": "other-machine",
	})
	maps.Copy(all, env)
	return all
}

// requireGuests skips a test that takes long, unless make machines runs it.
func requireGuests(t *testing.T) {
	t.Helper()
	if !*withGuests {
		t.Skip("needs -machines, because it takes long: make machines")
	}
}

// The subtests run one after another, because they cut the power of the same machines.
func TestMachines(t *testing.T) {
	requireGuests(t)
	t.Parallel()
	withMachines(t, machinesOfPowerCuts())
	testPowerCuts(t)
	t.Run("a power cut of servers that acknowledge only what is on their disks loses nothing", testCutOfServersThatSync)
	t.Run("a node that does not come back loses nothing over NFS", testNodeThatDoesNotReturn)
	t.Run("an NFS server with root_squash does not give a volume to the pods' group", testRootSquash)
	t.Run("an older length or list that an NFS client has cached is not a loss", testCachedAttributes)
	t.Run("a file that is removed while it is open over NFS is no finding", testOpenFiles)
	t.Run("an NFS server that is unreachable for a minute loses nothing", testUnreachableServer)
	t.Run("an NFS export with another ID makes the volume unavailable and loses nothing", testChangedExport)
	t.Run("two NFS clients that append at the same time overwrite records", testTwoClientsAppending)
	t.Run("a network outage of the writer's node loses nothing over NFS", testNetworkOutage)
	t.Run("the fault node-restart loses nothing on the disk of the node", testNodeRestart)
}

func testOtherMachine(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := run(t, ns, overNFS(t, ns, nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	requireNothingLeft(t, ns)
}

// requireOtherMachine is requireNoRestart for the only cell of a run.
func requireOtherMachine(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	require.Len(t, o.result.Cells, 1)
	requireNoRestart(t, ns, o.result.Cells[0])
}

// requireNoRestart fails the test unless the evidence of a cell has the kernels of two machines that are still running.
func requireNoRestart(t *testing.T, ns *chaosengine.Namespace, cell result.Cell) {
	t.Helper()
	requireReadElsewhere(t, ns, cell)
	assert.Equal(t, bootID(t, ns, writerMachine), cell.Provenance.Writer.BootID, "no node was restarted")
}

// requireReadElsewhere fails the test unless the evidence of a cell has the kernels of two machines. The writer's
// machine may have been started again since.
func requireReadElsewhere(t *testing.T, ns *chaosengine.Namespace, cell result.Cell) {
	t.Helper()
	p := cell.Provenance
	assert.Equal(t, provenance.OtherMachine, p.Level, p.NotReachedReason)
	require.NotNil(t, p.Reader)
	assert.Equal(t, writerMachine, p.Writer.Node)
	assert.Equal(t, readerMachine, p.Reader.Node)
	assert.Equal(t, bootID(t, ns, readerMachine), p.Reader.BootID)
	assert.NotEqual(t, p.Writer.BootID, p.Reader.BootID)
}

func bootID(t *testing.T, ns *chaosengine.Namespace, node string) string {
	t.Helper()
	found, err := ns.Kube.CoreV1().Nodes().Get(within(t), node, metav1.GetOptions{})
	require.NoError(t, err)
	return found.Status.NodeInfo.BootID
}

// startAfterTest starts a machine after the test, also if the test fails. A test that cuts the power of a machine calls
// it, because the next test needs the machine. The returned function starts the machine earlier.
func startAfterTest(t *testing.T, machine string) (startNow func()) {
	t.Helper()
	started := sync.OnceValue(func() bool { return tryCluster(t, "machine", "start", machine) })
	t.Cleanup(func() { started() })
	return func() {
		t.Helper()
		require.True(t, started(), "machine %s must start", machine)
	}
}

// requireRestarted fails the test unless the evidence shows that the node was started again between the
// writer and the reader.
func requireRestarted(t *testing.T, ns *chaosengine.Namespace, cell result.Cell) {
	t.Helper()
	p := cell.Provenance
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
	env := overNFS(t, ns, onEitherMachine(t, ns, map[string]string{
		"FORCE": "false", "TOTAL_CHAOS_DURATION": "10", "CHAOS_INTERVAL": "10",
	}))
	engine := chaosengine.Engine{Name: "engine", Env: env, StatusTimeout: bootTimeout}
	require.NoError(t, ns.Start(within(t), engine))
	node := awaitChaos(t, ns).Spec.NodeName
	startAfterTest(t, node)
	cluster(t, "machine", "cut", node)
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

// The network of the writer's node fails for some time. The mount and the pod stay, and the writer continues.
func testNetworkOutage(t *testing.T) {
	const outage = 20 * time.Second
	ns := newNamespace(t)
	grantOptional(t, ns)
	start(t, ns, overNFS(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "90", "CHAOS_INTERVAL": "90"}))
	awaitChaos(t, ns)
	cluster(t, "machine", "network", writerMachine, "off")
	t.Cleanup(func() { tryCluster(t, "machine", "network", writerMachine, "on") })
	<-time.After(outage)
	connected := time.Now()
	cluster(t, "machine", "network", writerMachine, "on")
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	cell := o.result.Cells[0]
	require.Len(t, cell.Epochs, 1)
	acks := cell.Epochs[0].Acks
	assert.GreaterOrEqual(t, longestGap(acks), outage, "no acknowledgement can arrive during the outage")
	assert.True(t, acks[len(acks)-1].ReceivedAt.After(connected), "the log must be read after it")
	require.Len(t, cell.Acks, 1)
	assert.True(t, cell.Acks[0].Time.After(connected), "the writer must continue after it")
	assert.Nil(t, cell.Epochs[0].ExitError, "the writer must continue until it is deleted")
	requireNothingLeft(t, ns)
}

// longestGap returns the longest time between two acknowledgements of a sample.
func longestGap(acks []result.AckSample) time.Duration {
	var longest time.Duration
	for i := 1; i < len(acks); i++ {
		longest = max(longest, acks[i].ReceivedAt.Sub(acks[i-1].ReceivedAt))
	}
	return longest
}

// onMachine runs a shell script with arguments on a machine, and returns its output.
func onMachine(t *testing.T, machine, script string, args ...string) string {
	t.Helper()
	output, err := tryOnMachine(t, machine, script, args...)
	require.NoError(t, err)
	return output
}

// tryOnMachine is onMachine for functions that must not end the test, such as those of another goroutine.
func tryOnMachine(t *testing.T, machine, script string, args ...string) (string, error) {
	t.Helper()
	command := append([]string{"machine", "run", machine, "sh", "-c", script, "sh"}, args...)
	run := exec.CommandContext(within(t), *clusterTool, command...)
	var problems strings.Builder
	run.Stderr = &problems
	output, err := run.Output()
	if err != nil {
		return "", fmt.Errorf("running %q on %s: %w: %s", script, machine, err, problems.String())
	}
	return strings.TrimSpace(string(output)), nil
}
