package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// When the writer is deleted, the server becomes unreachable for a minute.
func testUnreachableServer(t *testing.T) {
	const outage = time.Minute
	for name, options := range map[string][]string{"hard": {"hard"}, "soft": {"soft", "timeo=50", "retrans=2"}} {
		t.Run(name, func(t *testing.T) {
			ns := newNamespace(t)
			grantOptional(t, ns)
			var connecting sync.WaitGroup
			var connected time.Time
			t.Cleanup(connecting.Wait)
			phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
				tryCluster(t, "machine", "network", serverMachine, "off")
				connecting.Go(func() {
					<-time.After(outage)
					connected = time.Now()
					tryCluster(t, "machine", "network", serverMachine, "on")
				})
			})
			o := run(t, ns, overNFSOf(t, ns, serverAddress, nil, options...))
			assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
			connecting.Wait()
			require.False(t, connected.IsZero(), "the server must have been unreachable")
			require.NotNil(t, o.result.Cells[0].Reader)
			assert.True(t, o.result.Cells[0].Reader.ReceivedAt.After(connected), "nothing can be read before")
			requireOtherMachine(t, ns, o)
			requireNothingLeft(t, ns)
		})
	}
}

// The export gets another ID while the writer writes, so the mount of the writer becomes stale: the volume is
// unavailable. The next pods mount the export again, and find every record.
func testChangedExport(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	class := createClass(t, ns, ns.Name,
		map[string]string{"backend": "nfs", "server": serverAddress, "export": "/export"}, "nfsvers=3", "nolock")
	env := onTwoMachines(severalDeletions(map[string]string{"STORAGE_CLASS": class, "ACCESS_MODE": "ReadWriteMany"}))
	const change = "sed -i s/fsid=%d,/fsid=%d,/ /etc/exports && exportfs -ra && exportfs -f"
	t.Cleanup(func() { onMachine(t, serverMachine, fmt.Sprintf(change, 7, 0)) })
	phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
		_, err := tryOnMachine(t, serverMachine, fmt.Sprintf(change, 0, 7))
		assert.NoError(t, err)
		awaitEnd(t, ns, "write-pod")
	})
	o := run(t, ns, env)
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	cell := o.result.Cells[0]
	require.Len(t, cell.Findings, 1)
	assert.Equal(t, judge.Unavailable, cell.Findings[0].Class)
	assert.Contains(t, cell.Findings[0].Detail, "stale file handle")
	require.NotNil(t, cell.Reader)
	assert.Empty(t, cell.Reader.Judgement.Findings)
	assert.Equal(t, ledger.CountRecords(cell.Acks), cell.Reader.Judgement.Intact)
	requireNothingLeft(t, ns)
}

// The kubelet of the writer's node is stopped, so a writer that was deleted by force continues to append while its
// successor appends on another machine. No call of the successor fails, but its records are overwritten.
func testTwoClientsAppending(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	stopped := stopKubeletAtDeletion(t, ns, func(t *testing.T, node string) {
		t.Helper()
		t.Cleanup(func() {
			assert.NoError(t, signalProcess(t, node, kubeletCommand, "", "CONT"))
			awaitReady(t, ns, node)
		})
		assert.NoError(t, signalProcess(t, node, kubeletCommand, "", "STOP"))
	})
	o := run(t, ns, overNFS(t, ns, onEitherMachine(t, ns, map[string]string{
		"TOTAL_CHAOS_DURATION": "110", "CHAOS_INTERVAL": "30", "FORCE": "true",
	})))
	cell := o.result.Cells[0]
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	assert.Equal(t, stopped(), cell.Epochs[0].Node)
	assert.NotEqual(t, cell.Epochs[0].Node, cell.Epochs[1].Node)
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	assert.Contains(t, strings.Join(cell.Notes, "\n"), "two writers may have run at the same time")
	require.NotEmpty(t, cell.Findings)
	t.Logf("%d findings in %d records", len(cell.Findings), ledger.CountRecords(cell.Acks))
	for _, f := range cell.Findings {
		assert.Contains(t, []judge.Class{judge.LostTail, judge.LostGap, judge.Corrupt}, f.Class)
		assert.Greater(t, f.Epoch, 1, "only records of a successor can be overwritten")
	}
	for _, e := range cell.Epochs[1:] {
		assert.Nil(t, e.ExitError, "no call can fail")
	}
	requireNothingLeft(t, ns)
}

// awaitReady returns once a node is ready. It does not end the test.
func awaitReady(t *testing.T, ns *chaosengine.Namespace, name string) {
	t.Helper()
	assert.Eventually(t, func() bool {
		node, err := ns.Kube.CoreV1().Nodes().Get(within(t), name, metav1.GetOptions{})
		return err == nil && slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		})
	}, deadline, 100*time.Millisecond)
}

// onEitherMachine adds the options of a run whose pods may be on either of the two machines.
func onEitherMachine(t *testing.T, ns *chaosengine.Namespace, env map[string]string) map[string]string {
	t.Helper()
	const label = "volume-durability.test/has-writer"
	for _, machine := range []string{writerMachine, readerMachine} {
		require.NoError(t, updateNode(within(t), ns, machine, func(node *corev1.Node) { node.Labels[label] = "true" }))
	}
	all := map[string]string{
		"WRITER_NODE": "any", "READER_NODE": "any", "NODE_SELECTOR": label + "=true", "REQUIRED_EVIDENCE": "read-back",
	}
	maps.Copy(all, env)
	return all
}

// The command lines of processes, as regular expressions.
const (
	writerCommand  = "^[^ ]*durability-helper write "
	kubeletCommand = "^[^ ]* kubelet "
)

// signalProcess sends a signal to each process of a machine whose command line matches command and whose mounts include
// mount. An empty mount matches every process. It returns an error if no process matches.
func signalProcess(t *testing.T, machine, command, mount, signal string) error {
	t.Helper()
	const send = `for process in /proc/[0-9]*; do
	tr '\0' ' ' <"$process/cmdline" | grep -q "$1" || continue
	if grep -q "$2" "$process/mountinfo"; then kill "-$3" "${process#/proc/}" && sent=yes; fi
done 2>/dev/null
test -n "$sent"`
	_, err := tryOnMachine(t, machine, send, command, mount, signal)
	return err
}
