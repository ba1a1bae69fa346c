package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// This is the part of TestMachines that make test has. It uses the same machines, so it is not parallel.
func TestPowerCut_LosesOnlyWhatWasInMemory(t *testing.T) {
	withMachines(t, machinesOfPowerCuts())
	testPowerCuts(t)
}

// machinesOfPowerCuts are two nodes, an NFS server and an iSCSI target. The target has a cache in memory, and reports
// it.
func machinesOfPowerCuts() map[string][]string {
	return map[string][]string{
		writerMachine: nil, readerMachine: nil, serverMachine: asServer("--nfs", syncExport),
		targetMachine: asServer("--iscsi", "fd_buffered_io=1,emulate_write_cache=1"),
	}
}

// The subtests run one after another, because they cut the power of the same machines.
func testPowerCuts(t *testing.T) {
	t.Run("over NFS, the reader is on another machine", testOtherMachine)
	t.Run("a power cut of the writer's node loses what was in its memory", testCutOfTheWriter)
	t.Run("a primary that continues alone before the power cut loses data with protocol C", testCutOfAPrimaryAlone)
	t.Run("a power cut of servers loses what they acknowledged too early", testCutOfServers)
}

// cutVolume is the volume of a cell whose writer's node loses its power.
type cutVolume struct {
	class string
	// onNode is whether the volume is read on that node, after its restart.
	onNode bool
	// requireLost compares the findings of the cell with what is left. It is nil if the volume must keep everything.
	requireLost func(t *testing.T, cell result.Cell)
}

// The node of the writer loses its power while all volumes are written, and is started again. For 3 s before the cut,
// the network of the reader's node is off. This node has the other replicas. With protocol C, the primary waits for the
// other replica, and acknowledges nothing during this time. With protocol A, it does not wait.
func testCutOfTheWriter(t *testing.T) {
	const outage = 3 * time.Second // a primary needs longer to declare its connection dead
	ns := newNamespace(t)
	replicated := replicatedVolumes(t, ns, false)
	volumes := slices.Concat(volumesOnServers(t, ns), volumesOnDisk(t, ns), replicated)
	cells, cutAt := runWithPowerCut(t, ns, volumes, "20", func() { <-time.After(outage) })
	acks := cells[replicated[0].class].Epochs[0].Acks
	require.NotEmpty(t, acks)
	// An acknowledgement from before the outage may arrive during it.
	silence := cutAt.Sub(acks[len(acks)-1].ReceivedAt)
	assert.Greater(t, silence, outage-time.Second, "with protocol C, the primary must wait")
}

// The primary with protocol C declares its connection dead and continues alone. Its secondary is promoted without
// force.
func testCutOfAPrimaryAlone(t *testing.T) {
	ns := newNamespace(t)
	volumes := slices.Concat(volumesOnServers(t, ns), replicatedVolumes(t, ns, true))
	runWithPowerCut(t, ns, volumes, "30", func() {
		began := time.Now()
		const state = "drbdadm cstate r0 2>/dev/null"
		eventually(t, func() bool { return onMachine(t, writerMachine, state) != "Connected" })
		t.Logf("the primary continues alone after %s", time.Since(began))
		<-time.After(4 * time.Second) // how long it writes alone
	})
}

// volumesOnServers returns volumes whose servers keep their power. One of those over NFS is read on the writer's node.
func volumesOnServers(t *testing.T, ns *chaosengine.Namespace) []cutVolume {
	t.Helper()
	return []cutVolume{
		{class: nfsClass(t, ns, "nfs", serverAddress)},
		{class: nfsClass(t, ns, "nfs-restarted", serverAddress), onNode: true},
		{class: iscsiClass(t, ns)},
	}
}

// volumesOnDisk returns volumes on the disk of the writer's node, and one in its memory. With the option volatile,
// overlayfs syncs nothing. With nobarrier, ext4 never flushes its device. That is a loop device, whose cache is in the
// memory of the machine. So both keep only what the machine has synced. The filesystems that flush their loop devices
// lose nothing.
func volumesOnDisk(t *testing.T, ns *chaosengine.Namespace) []cutVolume {
	t.Helper()
	volatile := createClass(t, ns, ns.Name+"-volatile", map[string]string{"backend": "overlay"}, "volatile")
	unflushed := createClass(t, ns, ns.Name+"-nobarrier", map[string]string{"backend": "ext4"}, "nobarrier")
	return []cutVolume{
		{class: "csi-ext4", onNode: true}, {class: "csi-xfs", onNode: true}, {class: "csi-btrfs", onNode: true},
		{class: "csi-tmpfs", onNode: true, requireLost: func(t *testing.T, cell result.Cell) {
			t.Helper()
			require.Len(t, cell.Findings, 1)
			assert.Equal(t, judge.Missing, cell.Findings[0].Class)
			assert.Equal(t, ledger.CountRecords(cell.Acks), cell.Findings[0].Records)
		}},
		{class: volatile, onNode: true, requireLost: func(t *testing.T, cell result.Cell) {
			t.Helper()
			requireDamageOn(t, writerMachine, volumeOnMachine(cell)+"/upper/logs.log", cell)
		}},
		{class: unflushed, onNode: true, requireLost: func(t *testing.T, cell result.Cell) {
			t.Helper()
			requireDamageInImage(t, writerMachine, volumeOnMachine(cell)+"/image", cell)
		}},
	}
}

// replicatedVolumes makes the two nodes the replicas of two DRBD devices, with the protocols C and A. The writer's node
// is the primary, and has no replica after its power cut. With protocol C, records are lost only if the primary
// continued alone.
func replicatedVolumes(t *testing.T, ns *chaosengine.Namespace, alone bool) []cutVolume {
	t.Helper()
	cluster(t, "machine", "replicate", writerMachine, readerMachine, "C", "A")
	volume := func(number int, losesRecords bool) cutVolume {
		resource := fmt.Sprintf("r%d", number)
		parameters := map[string]string{"backend": "drbd", "resource": resource}
		v := cutVolume{class: createClass(t, ns, ns.Name+"-"+resource, parameters)}
		if losesRecords {
			v.requireLost = func(t *testing.T, cell result.Cell) {
				t.Helper()
				image := fmt.Sprintf("%s/replica%d", machineFolder(readerMachine), number)
				requireDamageInImage(t, readerMachine, image, cell)
			}
		}
		return v
	}
	return []cutVolume{volume(0, alone), volume(1, true)}
}

// runWithPowerCut writes to volumes on one node. At a random moment while all of them are written, it disconnects the
// reader's node from the network. After the outage it cuts the power of the writer's node, and connects the reader's
// node again. The run deletes the writers after the interval. The interval is in seconds, and must end after the power
// cut. Then the node is started again. runWithPowerCut returns the cells by their classes, and the time of the cut.
func runWithPowerCut(
	t *testing.T, ns *chaosengine.Namespace, volumes []cutVolume, interval string, outage func(),
) (cells map[string]result.Cell, cutAt time.Time) {
	t.Helper()
	grantOptional(t, ns)
	placeReaders(t, ns, volumes)
	var classes []string
	for _, v := range volumes {
		classes = append(classes, v.class)
	}
	engine := chaosengine.Engine{Name: "engine", StatusTimeout: bootTimeout, Env: onTwoMachines(
		onEitherMachine(t, ns, map[string]string{
			"STORAGE_CLASSES": strings.Join(classes, ","), "PARALLEL_CELLS": fmt.Sprint(len(classes)),
			"CLAIM_SIZE": "320Mi", "WRITER_NODE": writerMachine,
			"TOTAL_CHAOS_DURATION": interval, "CHAOS_INTERVAL": interval, "REQUIRED_EVIDENCE": "remounted",
			"RAMP_TIME": "5", // the writers write more after the machine has synced its disk
		}))}
	require.NoError(t, ns.Start(within(t), engine))
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "PreChaosCheck"))
	onMachine(t, writerMachine, syncOnce)
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "ChaosInject"))
	moment := rand.N(3 * time.Second)
	<-time.After(moment)
	startNow := startAfterTest(t, writerMachine)
	cluster(t, "machine", "network", readerMachine, "off")
	t.Cleanup(func() { tryCluster(t, "machine", "network", readerMachine, "on") })
	began := time.Now()
	outage()
	cluster(t, "machine", "cut", writerMachine)
	cutAt = time.Now()
	cluster(t, "machine", "network", readerMachine, "on")
	t.Logf("the network failed %s after the chaos began, and the power %s later", moment, cutAt.Sub(began))
	eventually(t, func() bool { return !hasWriters(t, ns) })
	startNow()
	cells = cellsByName(await(t, ns).result)
	require.Len(t, cells, len(volumes))
	for _, v := range volumes {
		t.Run(v.class, func(t *testing.T) { v.requireOutcome(t, ns, cells[v.class], cutAt) })
	}
	requireNothingLeft(t, ns)
	return cells, cutAt
}

// syncOnce writes the caches of a machine to its disk, and stops the periodic writes of the kernel. Without flushes,
// the order of writes is undefined, so ext4 with nobarrier may not be mountable if the kernel has written some of them.
const syncOnce = "sync && echo 0 >/proc/sys/vm/dirty_writeback_centisecs"

// placeReaders makes the API server place each reader on the machine where its volume is read. A run has one option for
// all of its readers.
func placeReaders(t *testing.T, ns *chaosengine.Namespace, volumes []cutVolume) {
	t.Helper()
	nodes := map[string]string{"dry-run": readerMachine} // the pod that injectUntil waits for
	for _, v := range volumes {
		nodes["read-pod-"+v.class] = readerMachine
		if v.onNode {
			nodes["read-pod-"+v.class] = writerMachine
		}
	}
	injectUntil(t, ns, func(pod *corev1.Pod) {
		if node, isPlaced := nodes[pod.Name]; isPlaced {
			pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: node}
		}
	}, func(pod *corev1.Pod) bool { return len(pod.Spec.NodeSelector) > 0 })
}

// awaitNoVolume returns once no volume has a class whose name ends with the suffix. It is then used on no node.
func awaitNoVolume(t *testing.T, suffix string) {
	t.Helper()
	eventually(t, func() bool {
		volumes, err := connect(t).Kube.CoreV1().PersistentVolumes().List(within(t), metav1.ListOptions{})
		require.NoError(t, err)
		return !slices.ContainsFunc(volumes.Items, func(v corev1.PersistentVolume) bool {
			return strings.HasSuffix(v.Spec.StorageClassName, suffix)
		})
	})
}

// hasWriters reports whether a run has a writer.
func hasWriters(t *testing.T, ns *chaosengine.Namespace) bool {
	t.Helper()
	pods, err := ns.Kube.CoreV1().Pods(ns.Name).List(within(t), metav1.ListOptions{LabelSelector: kube.RunLabel})
	require.NoError(t, err)
	return slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool { return strings.HasPrefix(pod.Name, "write-pod-") })
}

// requireOutcome fails the test unless the power was cut before the deletion, and the cell of the volume has lost
// records exactly if requireLost is set.
func (v cutVolume) requireOutcome(t *testing.T, ns *chaosengine.Namespace, cell result.Cell, cutAt time.Time) {
	t.Helper()
	t.Logf("%s: %s", cell.Verdict, cell.Reason)
	require.Len(t, cell.Epochs, 1)
	assert.True(t, cell.Epochs[0].DeletionRequestedAt.After(cutAt), "the power must be cut before the deletion")
	if v.onNode {
		requireRestarted(t, ns, cell)
	} else {
		requireReadElsewhere(t, ns, cell)
	}
	if v.requireLost == nil {
		assert.Equal(t, judge.Pass, cell.Verdict, cell.Reason)
		return
	}
	assert.Equal(t, judge.Fail, cell.Verdict, cell.Reason)
	require.NotEmpty(t, cell.Findings)
	v.requireLost(t, cell)
}

// The servers lose their power when the writers are deleted. Both acknowledge what they have only in memory. One
// exports with async. The other reports no cache, so the filesystem on its device never flushes the device.
func testCutOfServers(t *testing.T) {
	cluster(t, "machine", "export", serverMachine, asyncExport)
	t.Cleanup(func() { cluster(t, "machine", "export", serverMachine, syncExport) })
	// What an earlier volume has written would be found in the place of lost records.
	awaitNoVolume(t, "-iscsi")
	onMachine(t, targetMachine, `fallocate --punch-hole --length "$(stat -c %s "$1")" "$1"`, targetImage())
	const reportCache = "echo %d >/sys/kernel/config/target/core/fileio_0/image/attrib/emulate_write_cache"
	t.Cleanup(func() { onMachine(t, targetMachine, fmt.Sprintf(reportCache, 1)) })
	onMachine(t, targetMachine, fmt.Sprintf(reportCache, 0))
	cells := runWithServersCut(t)
	for name, cell := range cells {
		assert.Equal(t, judge.Fail, cell.Verdict, "%s: %s", name, cell.Reason)
		require.NotEmpty(t, cell.Findings, name)
	}
	// The folder of a deleted volume stays on the server.
	requireDamageOn(t, serverMachine, exportedJournal(cells["nfs"].Claim.Handle), cells["nfs"])
	requireDamageInImage(t, targetMachine, targetImage(), cells["iscsi"])
}

// targetImage is the file of the iSCSI target that is its device.
func targetImage() string { return machineFolder(targetMachine) + "/image" }

// One server exports with sync. The other reports its cache, so the filesystem on its device flushes it. The NFS server
// has a grace period after its restart.
func testCutOfServersThatSync(t *testing.T) {
	for name, cell := range runWithServersCut(t) {
		assert.Equal(t, judge.Pass, cell.Verdict, "%s: %s", name, cell.Reason)
	}
}

// runWithServersCut cuts the power of the NFS server and of the iSCSI target when the writers are deleted, and starts
// them again. They are off while the next pods are created. It returns the cells nfs and iscsi.
func runWithServersCut(t *testing.T) map[string]result.Cell {
	t.Helper()
	ns := newNamespace(t)
	grantOptional(t, ns)
	classes := map[string]string{"nfs": nfsClass(t, ns, "nfs", serverAddress), "iscsi": iscsiClass(t, ns)}
	var starting sync.WaitGroup
	t.Cleanup(starting.Wait)
	var cutAt time.Time
	cutServers := func() {
		for _, server := range []string{serverMachine, targetMachine} {
			tryCluster(t, "machine", "cut", server)
			cutAt = time.Now()
			// This may take longer than a webhook may.
			starting.Go(func() { tryCluster(t, "machine", "start", server) })
		}
	}
	phase{trigger: podDeletion, object: "write-pod-" + classes["iscsi"]}.onAdmission(t, ns, cutServers)
	start(t, ns, onTwoMachines(map[string]string{
		"STORAGE_CLASSES": classes["nfs"] + "," + classes["iscsi"],
		// The filesystem on the target must survive, so that the loss is one of records. The writers write more after that.
		"RAMP_TIME": "8",
	}))
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "PreChaosCheck"))
	onMachine(t, targetMachine, syncOnce)
	o := await(t, ns)
	starting.Wait()
	byClass, cells := cellsByName(o.result), map[string]result.Cell{}
	for name, class := range classes {
		require.Contains(t, byClass, class, o.result.Reason)
		cells[name] = byClass[class]
		t.Logf("%s: %s", name, cells[name].Reason)
		requireNoRestart(t, ns, cells[name])
		assert.True(t, cells[name].Reader.ReceivedAt.After(cutAt), "the power must be cut before the reading")
	}
	requireNothingLeft(t, ns)
	return cells
}

// nfsClass creates a StorageClass for NFS 4.2.
func nfsClass(t *testing.T, ns *chaosengine.Namespace, name, server string, options ...string) string {
	t.Helper()
	parameters := map[string]string{"backend": "nfs", "server": server}
	return createClass(t, ns, ns.Name+"-"+name, parameters, append(options, "nfsvers=4.2")...)
}

// iscsiClass creates a StorageClass for the device of the iSCSI target.
func iscsiClass(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	return createClass(t, ns, ns.Name+"-iscsi", map[string]string{"backend": "iscsi", "server": targetAddress})
}
