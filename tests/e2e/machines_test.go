package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
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

	"github.com/volume-durability/volume-durability/pkg/judge"
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

// withMachines adds two nodes and an NFS server, and removes them after the test. If they are not available on this
// computer, it skips the test.
func withMachines(t *testing.T, writer, reader, server string) {
	t.Helper()
	requireTestCluster(t)
	var adding sync.WaitGroup
	var unavailable atomic.Bool
	for name, flags := range map[string][]string{
		writer: nil, reader: nil, server: {"--memory", "256M", "--nfs", syncExport},
	} {
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
	class := createClass(t, ns, ns.Name, map[string]string{"backend": "nfs", "server": server},
		append(options, "nfsvers=4.2")...)
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
	withMachines(t, writerMachine, readerMachine, serverMachine)
	t.Run("over NFS, the reader is on another machine", testOtherMachine)
	t.Run("a power cut of the writer's node loses nothing over NFS", testPowerCutOfTheWriter)
	t.Run("a node that does not come back loses nothing over NFS", testNodeThatDoesNotReturn)
	t.Run("an NFS server with root_squash does not give a volume to the pods' group", testRootSquash)
	t.Run("an older length or list that an NFS client has cached is not a loss", testCachedAttributes)
	t.Run("an NFS server that is unreachable for a minute loses nothing", testUnreachableServer)
	t.Run("an NFS export with another ID makes the volume unavailable and loses nothing", testChangedExport)
	t.Run("two NFS clients that append at the same time overwrite records", testTwoClientsAppending)
	t.Run("a power cut of an NFS server loses nothing", testPowerCutOfTheServer)
	t.Run("a power cut of an asynchronous NFS server loses what it acknowledged", testPowerCutOfTheAsynchronousServer)
	t.Run("a network outage of the writer's node loses nothing over NFS", testNetworkOutage)
	t.Run("a power cut of the node keeps what is on its disk and loses its memory", testPowerCutOfTheDisk)
	t.Run("a power cut of the writer's node loses nothing over iSCSI", testPowerCutOfTheInitiator)
	t.Run("a power cut of an iSCSI target that reports its cache loses nothing", testPowerCutOfATargetThatReportsItsCache)
	t.Run("a power cut of an iSCSI target that reports no cache loses what it acknowledged", testPowerCutOfATargetThatReportsNoCache)
	t.Run("a power cut of a DRBD primary loses nothing with protocol C", testPowerCutOfThePrimary)
	t.Run("a network outage of 3 s before the power cut loses nothing with protocol C", testShortOutageWithProtocolC)
	t.Run("a network outage of 3 s before the power cut loses data with protocol A", testShortOutageWithProtocolA)
	t.Run("a primary that continues alone before the power cut loses data with protocol C", testPrimaryThatContinuesAlone)
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

// requireOtherMachine fails the test unless the evidence has the kernels of two machines that are still running.
func requireOtherMachine(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	requireReadElsewhere(t, ns, o)
	assert.Equal(t, bootID(t, ns, writerMachine), o.result.Cells[0].Provenance.Writer.BootID)
}

// requireReadElsewhere does the same, but the machine of the writer may have been started again.
func requireReadElsewhere(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	require.Len(t, o.result.Cells, 1)
	p := o.result.Cells[0].Provenance
	assert.Equal(t, provenance.OtherMachine, p.Level, p.NotReachedReason)
	require.NotNil(t, p.Reader)
	assert.Equal(t, writerMachine, p.Writer.Node)
	assert.Equal(t, readerMachine, p.Reader.Node)
	assert.Equal(t, bootID(t, ns, readerMachine), p.Reader.BootID)
	assert.NotEqual(t, p.Writer.BootID, p.Reader.BootID)
}

// requireKeptElsewhere fails the test unless the reader's machine has read everything, and the run has removed its
// objects.
func requireKeptElsewhere(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireReadElsewhere(t, ns, o)
	requireNothingLeft(t, ns)
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
		powerCutOfTheWriter(t, reader)
	}
}

// powerCutOfTheWriter cuts the power of the writer's node in one run. The reader is on the given machine.
func powerCutOfTheWriter(t *testing.T, reader string) {
	t.Helper()
	ns := newNamespace(t)
	grantOptional(t, ns)
	env := map[string]string{"TOTAL_CHAOS_DURATION": "10", "CHAOS_INTERVAL": "10", "READER_NODE": reader}
	if reader == writerMachine {
		env["REQUIRED_EVIDENCE"] = "remounted"
	}
	o := runWithPowerCut(t, ns, overNFS(t, ns, env))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	if reader == writerMachine {
		requireRestarted(t, ns, o.result.Cells[0])
	} else {
		requireReadElsewhere(t, ns, o)
	}
	requireNothingLeft(t, ns)
}

// runWithPowerCut cuts the power of the writer's node at a random moment after the first acknowledgement of each cell,
// and starts it again. It calls each function of prepare while the writers write, before the chaos begins.
func runWithPowerCut(
	t *testing.T, ns *chaosengine.Namespace, env map[string]string, prepare ...func(),
) outcome {
	t.Helper()
	return runWithCut(t, ns, env, func() {
		moment := rand.N(3 * time.Second)
		t.Logf("the power is cut %s after the first acknowledgement", moment)
		<-time.After(moment)
		cluster(t, "machine", "cut", writerMachine)
	}, prepare...)
}

// runWithCut calls cut after the first acknowledgement of each cell. This function must cut the power of the writer's
// node. Then runWithCut starts the node again. It calls each function of prepare while the writers write, before the
// chaos begins.
func runWithCut(
	t *testing.T, ns *chaosengine.Namespace, env map[string]string, cut func(), prepare ...func(),
) outcome {
	t.Helper()
	engine := chaosengine.Engine{Name: "engine", Env: env, StatusTimeout: bootTimeout}
	require.NoError(t, ns.Start(within(t), engine))
	callBeforeChaos(t, ns, prepare)
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "ChaosInject"))
	startNow := startAfterTest(t, writerMachine)
	cut()
	startNow()
	return await(t, ns)
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

// The server loses its power when the writer is deleted. It is off while the next pod is created. After its restart, it
// has a grace period.
func testPowerCutOfTheServer(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := runWithServerCut(t, ns, serverMachine, overNFS(t, ns, nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	requireNothingLeft(t, ns)
}

// An asynchronous server acknowledges what it has only in memory. It loses its power when the
// writer is deleted.
func testPowerCutOfTheAsynchronousServer(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	cluster(t, "machine", "export", serverMachine, asyncExport)
	t.Cleanup(func() { cluster(t, "machine", "export", serverMachine, syncExport) })
	o := runWithServerCut(t, ns, serverMachine, overNFS(t, ns, nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	cell := o.result.Cells[0]
	require.NotEmpty(t, cell.Findings)
	// The folder of a deleted volume stays on the server.
	requireDamageOn(t, serverMachine, "/export/"+cell.Claim.Handle+"/logs.log", cell.Findings)
	requireNothingLeft(t, ns)
}

// runWithServerCut cuts the power of a server when the writer is deleted, and starts the server again. Before the
// chaos, it calls each of prepare, once the writer writes.
func runWithServerCut(
	t *testing.T, ns *chaosengine.Namespace, server string, env map[string]string, prepare ...func(),
) outcome {
	t.Helper()
	var starting sync.WaitGroup
	t.Cleanup(starting.Wait)
	phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
		tryCluster(t, "machine", "cut", server)
		// This may take longer than a webhook may.
		starting.Go(func() { tryCluster(t, "machine", "start", server) })
	})
	start(t, ns, env)
	callBeforeChaos(t, ns, prepare)
	o := await(t, ns)
	starting.Wait()
	return o
}

// callBeforeChaos calls each function of prepare while the writers write.
func callBeforeChaos(t *testing.T, ns *chaosengine.Namespace, prepare []func()) {
	t.Helper()
	for _, do := range prepare {
		require.NoError(t, ns.AwaitEvent(within(t), "engine", "PreChaosCheck"))
		do()
	}
}

// requireDamageOn compares findings with the journal that is left on a machine: it has none of the affected records,
// and it has the record before the first one.
func requireDamageOn(t *testing.T, machine, journal string, findings []judge.Finding) {
	t.Helper()
	left := recordsOn(t, machine, journal)
	first := findings[0]
	assert.True(t, first.First == 1 || left[recordName(first.Epoch, first.First-1)],
		"the record before %d must be left", first.First)
	for _, finding := range findings {
		for seq := finding.First; seq <= finding.Last; seq++ {
			assert.False(t, left[recordName(finding.Epoch, seq)], "there must be no record %d", seq)
		}
		requireNoBytesOn(t, machine, journal, finding, left)
	}
}

// requireNoBytesOn fails the test if something is left at the place of a finding, except zeros.
func requireNoBytesOn(t *testing.T, machine, journal string, finding judge.Finding, left map[string]bool) {
	t.Helper()
	switch finding.Class {
	case judge.Missing:
		assert.Empty(t, left, "there must be no record")
	case judge.Corrupt, judge.LostTail:
		const count = `tail -c +$(($2+1)) "$1" | head -c $(($3-$2)) | tr -d '\0' | wc -c`
		bytes := onMachine(t, machine, count, journal, fmt.Sprint(finding.Offset), fmt.Sprint(finding.End))
		assert.Equal(t, "0", bytes, "there must be only zeros from byte %d to %d", finding.Offset, finding.End)
	default:
		assert.Fail(t, "a machine whose memory is lost does not lose data in that way", "%+v", finding)
	}
}

// recordsOn returns the epochs and sequence numbers of the records in a journal on a machine.
func recordsOn(t *testing.T, machine, journal string) map[string]bool {
	t.Helper()
	const list = `test ! -e "$1" || grep -aoE 'e=[0-9]{5} s=[0-9]{12}' "$1" || true`
	records := map[string]bool{}
	for line := range strings.Lines(onMachine(t, machine, list, journal)) {
		records[strings.TrimSpace(line)] = true
	}
	return records
}

// recordName is what a journal has of a record's epoch and sequence number.
func recordName(epoch int, seq uint64) string { return fmt.Sprintf("e=%05d s=%012d", epoch, seq) }

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

// The volumes are on the disk of the writer's node, which loses its power while all of them are written, and is started
// again. A volume in memory is lost. With the option volatile, overlayfs syncs nothing. With nobarrier, ext4 never
// flushes its device. That is a loop device, whose cache is in the memory of the machine. So both keep only what the
// machine has synced. The filesystems that flush their loop devices lose nothing.
func testPowerCutOfTheDisk(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	volatile := createClass(t, ns, ns.Name+"-volatile", map[string]string{"backend": "overlay"}, "volatile")
	unflushed := createClass(t, ns, ns.Name+"-nobarrier", map[string]string{"backend": "ext4"}, "nobarrier")
	classes := []string{"csi-ext4", "csi-xfs", "csi-btrfs", "csi-tmpfs", volatile, unflushed}
	// The writers write more after the machine has synced its disk.
	o := runWithPowerCut(t, ns, short(map[string]string{
		"STORAGE_CLASSES": strings.Join(classes, ","), "CLAIM_SIZE": "320Mi", "FORCE": "true",
		"WRITER_NODE": writerMachine, "READER_NODE": writerMachine, "TOLERATIONS": machineToleration, "RAMP_TIME": "10",
		"REQUIRED_EVIDENCE": "remounted", "TOTAL_CHAOS_DURATION": "10", "CHAOS_INTERVAL": "10",
	}), func() { onMachine(t, writerMachine, syncOnce) })
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	cells := cellsByName(o.result)
	for _, name := range []string{"csi-ext4", "csi-xfs", "csi-btrfs"} {
		assert.Equal(t, judge.Pass, cells[name].Verdict, cells[name].Reason)
		requireRestarted(t, ns, cells[name])
	}
	memory := cells["csi-tmpfs"]
	assert.Equal(t, judge.Fail, memory.Verdict, memory.Reason)
	require.Len(t, memory.Findings, 1)
	assert.Equal(t, judge.Missing, memory.Findings[0].Class)
	for _, name := range []string{volatile, unflushed} {
		c := cells[name]
		assert.Equal(t, judge.Fail, c.Verdict, c.Reason)
		requireRestarted(t, ns, c)
		require.NotEmpty(t, c.Findings)
		t.Logf("%s: %s", name, c.Reason)
	}
	requireDamageOn(t, writerMachine, volumeOnMachine(cells[volatile])+"/upper/logs.log", cells[volatile].Findings)
	requireDamageInImage(t, writerMachine, volumeOnMachine(cells[unflushed])+"/image", cells[unflushed].Findings)
	requireNothingLeft(t, ns)
}

// syncOnce writes the caches of a machine to its disk, and stops the periodic writes of the kernel. Without flushes,
// the order of writes is undefined, so ext4 with nobarrier may not be mountable if the kernel has written some of them.
const syncOnce = "sync && echo 0 >/proc/sys/vm/dirty_writeback_centisecs"

// volumeOnMachine returns the folder of a volume on the disk of the writer's machine. The folder of a deleted volume
// stays.
func volumeOnMachine(c result.Cell) string {
	return machineFolder(writerMachine) + "/volume-images/" + c.Claim.Handle
}

// machineFolder returns the folder where a machine has mounted its disk.
func machineFolder(machine string) string { return "/var/lib/volume-durability-cluster/" + machine }

// withTarget adds a machine that is an iSCSI target with these options of LIO.
func withTarget(t *testing.T, options string) {
	t.Helper()
	require.True(t, addMachine(t, targetMachine, "--memory", "256M", "--iscsi", options))
}

// overISCSI returns the options of a run over iSCSI. Kubernetes attaches the volume to one node at a time.
func overISCSI(t *testing.T, ns *chaosengine.Namespace, env map[string]string) map[string]string {
	t.Helper()
	class := createClass(t, ns, ns.Name, map[string]string{"backend": "iscsi", "server": targetAddress})
	all := onTwoMachines(map[string]string{"STORAGE_CLASS": class})
	maps.Copy(all, env)
	return all
}

func testPowerCutOfTheInitiator(t *testing.T) {
	withTarget(t, "emulate_write_cache=0")
	ns := newNamespace(t)
	grantOptional(t, ns)
	env := map[string]string{"TOTAL_CHAOS_DURATION": "10", "CHAOS_INTERVAL": "10"}
	o := runWithPowerCut(t, ns, overISCSI(t, ns, env))
	requireKeptElsewhere(t, ns, o)
}

// The target has a cache, and reports it. The filesystem on it flushes it.
func testPowerCutOfATargetThatReportsItsCache(t *testing.T) {
	withTarget(t, "fd_buffered_io=1,emulate_write_cache=1")
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := runWithServerCut(t, ns, targetMachine, overISCSI(t, ns, nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	requireNothingLeft(t, ns)
}

// The target has a cache, and reports that it has none. The filesystem on it therefore never flushes it.
func testPowerCutOfATargetThatReportsNoCache(t *testing.T) {
	withTarget(t, "fd_buffered_io=1,emulate_write_cache=0")
	ns := newNamespace(t)
	grantOptional(t, ns)
	// The filesystem itself must survive, so that the loss is one of records. The writer writes more after that.
	env := overISCSI(t, ns, map[string]string{"RAMP_TIME": "15"})
	o := runWithServerCut(t, ns, targetMachine, env, func() { onMachine(t, targetMachine, "sync") })
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	requireOtherMachine(t, ns, o)
	cell := o.result.Cells[0]
	require.NotEmpty(t, cell.Findings)
	t.Log(o.result.Reason)
	requireDamageInImage(t, targetMachine, machineFolder(targetMachine)+"/image", cell.Findings)
	requireNothingLeft(t, ns)
}

// requireDamageInImage compares findings with the journal in an ext4 in a file on a machine.
func requireDamageInImage(t *testing.T, machine, image string, findings []judge.Finding) {
	t.Helper()
	// The reader's node may not have unmounted the filesystem yet. The writer's node has, or lost its power. With the
	// option loop, mount(8) refuses a file that is a replica, because it has a loop device. Without -t, it takes the
	// replica for a filesystem of the type drbd.
	const mount = `mkdir -p /run/image && mount -t ext4 -o ro,noload "$(losetup --find --show --read-only "$1")" /run/image`
	onMachine(t, machine, mount, image)
	t.Cleanup(func() { onMachine(t, machine, "umount --detach-loop /run/image") })
	requireDamageOn(t, machine, "/run/image/logs.log", findings)
}

// overDRBD makes the two nodes the replicas of a DRBD device, and returns the options of a run on it. The writer's node
// is the primary. After its power cut, it has no replica. The run deletes the writer after the interval, which must end
// before the node is back.
func overDRBD(t *testing.T, ns *chaosengine.Namespace, protocol, interval string) map[string]string {
	t.Helper()
	cluster(t, "machine", "replicate", writerMachine, readerMachine, protocol)
	class := createClass(t, ns, ns.Name, map[string]string{"backend": "drbd", "resource": "r0"})
	return onTwoMachines(map[string]string{
		"STORAGE_CLASS": class, "TOTAL_CHAOS_DURATION": interval, "CHAOS_INTERVAL": interval,
	})
}

func testPowerCutOfThePrimary(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := runWithPowerCut(t, ns, overDRBD(t, ns, "C", "10"))
	requireKeptElsewhere(t, ns, o)
}

// The primary waits for the secondary, and acknowledges nothing during the outage.
func testShortOutageWithProtocolC(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := runWithOutageAndCut(t, ns, overDRBD(t, ns, "C", "20"), shortOutage)
	requireKeptElsewhere(t, ns, o)
}

// The primary does not wait for the secondary.
func testShortOutageWithProtocolA(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := runWithOutageAndCut(t, ns, overDRBD(t, ns, "A", "20"), shortOutage)
	requireLossOfThePrimary(t, ns, o)
}

// The primary declares its connection dead and continues alone. The secondary is promoted without force.
func testPrimaryThatContinuesAlone(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	o := runWithOutageAndCut(t, ns, overDRBD(t, ns, "C", "20"), func() {
		began := time.Now()
		eventually(t, func() bool { return onMachine(t, writerMachine, "drbdadm cstate r0") != "Connected" })
		t.Logf("the primary continues alone after %s", time.Since(began))
		<-time.After(4 * time.Second) // how long it writes alone
	})
	requireLossOfThePrimary(t, ns, o)
}

// shortOutage is shorter than what a primary needs to declare its connection dead.
func shortOutage() { <-time.After(3 * time.Second) }

// runWithOutageAndCut disconnects the secondary, and cuts the power of the primary after the outage. Then the secondary
// is connected again. The acknowledgements of the primary still arrive during the outage.
func runWithOutageAndCut(
	t *testing.T, ns *chaosengine.Namespace, env map[string]string, outage func(),
) outcome {
	t.Helper()
	return runWithCut(t, ns, env, func() {
		cluster(t, "machine", "network", readerMachine, "off")
		t.Cleanup(func() { tryCluster(t, "machine", "network", readerMachine, "on") })
		began := time.Now()
		outage()
		cluster(t, "machine", "cut", writerMachine)
		t.Logf("the power is cut %s after the network failed", time.Since(began))
		cluster(t, "machine", "network", readerMachine, "on")
	})
}

// requireLossOfThePrimary fails the test unless the run found that exactly the records are lost that the secondary does
// not have.
func requireLossOfThePrimary(t *testing.T, ns *chaosengine.Namespace, o outcome) {
	t.Helper()
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	requireReadElsewhere(t, ns, o)
	cell := o.result.Cells[0]
	require.NotEmpty(t, cell.Findings)
	t.Log(o.result.Reason)
	requireDamageInImage(t, readerMachine, machineFolder(readerMachine)+"/replica", cell.Findings)
	requireNothingLeft(t, ns)
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
