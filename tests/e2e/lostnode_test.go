package e2e

import (
	"slices"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// The machines of this test: the node of the writers, the node of the readers, and an NFS server with its address. They
// are not those of the other tests, so this test, which mostly waits, can run beside them.
const (
	lostMachine         = "m5"
	otherMachine        = "m6"
	otherServer         = "m7"
	otherServersAddress = "10.213.0.17"
)

// Two runs have their writers on a node that loses its power and stays off. No operator adds a taint to it.
//
// One run deletes its writer gracefully, after Kubernetes has evicted it. The pod cannot end, because its node cannot
// confirm that. So the run cannot verify anything.
//
// The other run deletes its writer by force. Its volume can be attached to one node at a time. So Kubernetes must
// detach the volume by force, which takes six minutes, before it attaches the volume to the reader's node.
func TestNodeThatStaysOff_CausesNoWrongVerdict(t *testing.T) {
	requireGuests(t)
	t.Parallel()
	withMachines(t, map[string][]string{
		lostMachine: nil, otherMachine: nil, otherServer: asServer("--nfs", syncExport),
	})
	graceful, forced := newNamespace(t), newNamespace(t)
	// Kubernetes evicts a pod 300 s after it has found its node unreachable, which takes about 50 s.
	startOnLostMachine(t, graceful, 90, map[string]string{"FORCE": "false", "CHAOS_INTERVAL": "400"})
	startOnLostMachine(t, forced, 600, map[string]string{"FORCE": "true", "CHAOS_INTERVAL": "15"})
	startNow := startAfterTest(t, lostMachine)
	cluster(t, "machine", "cut", lostMachine)

	_, err := graceful.AwaitPod(within(t), "write-pod", "to be evicted", isEvicted)
	require.NoError(t, err)
	requireForcedDetach(t, await(t, forced))
	requireNothingLeft(t, forced)

	o := await(t, graceful)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict(), o.result.Reason)
	for _, want := range []string{
		"waiting for pod " + graceful.Name + "/write-pod to be deleted",
		"the pod is on node " + lostMachine + ", which is not ready", "Not removed",
	} {
		assert.Contains(t, o.result.Reason, want)
	}
	cell := o.result.Cells[0]
	assert.Nil(t, cell.Reader, "a reader must not use the volume while the writer may still run")
	assert.Empty(t, cell.Findings)
	requireSteps(t, cell, result.Writing, result.Terminating)
	startNow()
	awaitNothingLeft(t, graceful)
}

// startOnLostMachine starts a run, and returns once its writer writes.
func startOnLostMachine(t *testing.T, ns *chaosengine.Namespace, stepSeconds int, env map[string]string) {
	t.Helper()
	grantOptional(t, ns)
	env["TOTAL_CHAOS_DURATION"], env["ACCESS_MODE"] = env["CHAOS_INTERVAL"], "ReadWriteOnce"
	env["REQUIRED_EVIDENCE"], env["WRITER_NODE"], env["READER_NODE"] = "read-back", lostMachine, otherMachine
	all := overNFSOf(t, ns, otherServersAddress, env)
	engine := chaosengine.Engine{Name: "engine", Env: all, StatusTimeout: stepSeconds}
	require.NoError(t, ns.Start(within(t), engine))
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "ChaosInject"))
}

// isEvicted reports whether Kubernetes has begun to delete a pod because of a taint of its node.
func isEvicted(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Reason == "DeletionByTaintManager"
	})
}

// requireForcedDetach fails the test unless a run has passed, and its evidence shows that the volume was detached by
// force: the reader waited for the attachment, and it is unknown whether the volume was unmounted.
func requireForcedDetach(t *testing.T, o outcome) {
	t.Helper()
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	cell := o.result.Cells[0]
	require.NotNil(t, cell.Reader)
	assert.Equal(t, lostMachine, cell.Epochs[0].Node)
	assert.Equal(t, otherMachine, cell.Reader.Node)
	assert.Equal(t, provenance.Yes, cell.Provenance.Reattached.Answer, cell.Provenance.Reattached.Reason)
	assert.Equal(t, provenance.Unknown, cell.Provenance.Unmounted.Answer, cell.Provenance.Unmounted.Reason)
	requireSteps(t, cell, result.Writing, result.ReadingLog, result.Attaching, result.Mounting, result.Reading)
}

// requireSteps fails the test unless a cell had these steps in this order. There may be others between them.
func requireSteps(t *testing.T, cell result.Cell, want ...result.StepName) {
	t.Helper()
	require.NotNil(t, cell.Trace)
	var names []result.StepName
	rest := want
	for _, s := range cell.Trace.Steps {
		t.Logf("%s took %s", s.Name, s.EndedAt.Sub(s.StartedAt))
		names = append(names, s.Name)
		if len(rest) > 0 && s.Name == rest[0] {
			rest = rest[1:]
		}
	}
	assert.Empty(t, rest, "want the steps %v in this order, got %v", want, names)
}
