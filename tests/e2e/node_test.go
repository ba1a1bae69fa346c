package e2e

import (
	"context"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// cordon makes a node unschedulable until the test ends.
func cordon(t *testing.T, ns *chaosengine.Namespace, node string) {
	t.Helper()
	setUnschedulable := func(value string) error {
		patch := []byte(`{"spec":{"unschedulable":` + value + `}}`)
		nodes := ns.Kube.CoreV1().Nodes()
		_, err := nodes.Patch(within(t), node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		return err
	}
	t.Cleanup(func() { assert.NoError(t, setUnschedulable("false")) })
	assert.NoError(t, setUnschedulable("true"))
}

// stopKubelet stops the kubelet of a node until the test ends. Its containers continue to run.
func stopKubelet(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() { cluster(t, "start", "kubelet-"+node) })
	tryCluster(t, "stop", "kubelet-"+node)
}

// stopKubeletAtDeletion cordons the node of the first writer and calls stop to stop its kubelet, before the
// writer is deleted. The returned function waits until then and returns the name of the node.
func stopKubeletAtDeletion(
	t *testing.T, ns *chaosengine.Namespace, stop func(t *testing.T, node string),
) (node func() string) {
	t.Helper()
	var name string
	stopped := make(chan struct{})
	phase{trigger: podDeletion, object: "write-pod"}.onAdmission(t, ns, func() {
		defer close(stopped)
		writer, err := ns.Kube.CoreV1().Pods(ns.Name).Get(within(t), "write-pod", metav1.GetOptions{})
		if assert.NoError(t, err) {
			name = writer.Spec.NodeName
			cordon(t, ns, name)
			stop(t, name)
		}
	})
	return func() string { <-stopped; return name }
}

// While the kubelet of its node is stopped, a writer that was deleted by force continues to
// run.
func TestNode_TwoWritersAtOnceAreANoteNotDamage(t *testing.T) {
	ns := newNamespace(t)
	node := stopKubeletAtDeletion(t, ns, stopKubelet)
	start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "24", "CHAOS_INTERVAL": "8", "FORCE": "true"})
	result, err := ns.Await(within(t), "engine")
	require.NoError(t, err)
	cluster(t, "start", "kubelet-"+node())
	o := await(t, ns)

	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, result.Status.ExperimentStatus.Verdict)
	cell := o.result.Cells[0]
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	assert.NotEqual(t, cell.Epochs[0].Node, cell.Epochs[1].Node)
	assert.Empty(t, cell.Findings)
	const note = "two writers ran at the same time: epoch 1 wrote after epoch 2 had started"
	assert.Contains(t, cell.Notes, note)
	assert.Contains(t, o.probe(t, "verify").Description, note)
	requireNothingLeft(t, ns)
}

// A drain cordons the node and evicts its pods.
func TestNode_DrainingItChangesNoVerdict(t *testing.T) {
	ns := newNamespace(t)
	start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "20", "CHAOS_INTERVAL": "10"})
	writer := awaitChaos(t, ns)
	cordon(t, ns, writer.Spec.NodeName)
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: writer.Name, Namespace: ns.Name}}
	require.NoError(t, ns.Kube.CoreV1().Pods(ns.Name).EvictV1(within(t), eviction))
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	cell := o.result.Cells[0]
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	assert.NotEqual(t, cell.Epochs[0].Node, cell.Epochs[1].Node)
	assert.Contains(t, o.probe(t, "verify").Description,
		"something other than this run deleted the writer of epoch 1")
	requireNothingLeft(t, ns)
}

// Whether the pods of an unreachable node still run is unknown, so nothing can be verified.
func TestNode_UnreachableNodeIsAnError(t *testing.T) {
	ns := newNamespace(t)
	stoppedNode := stopKubeletAtDeletion(t, ns, stopKubelet)
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: "engine", Env: short(nil), StatusTimeout: 25}))
	result, err := ns.Await(within(t), "engine")
	require.NoError(t, err)
	node := stoppedNode()
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, result.Status.ExperimentStatus.Verdict)
	require.NotNil(t, result.Status.ExperimentStatus.ErrorOutput)
	for _, want := range []string{
		"timed out after 25s waiting for pod " + ns.Name + "/write-pod to be deleted",
		"the pod is on node " + node, "kubectl get node " + node, "Not removed",
	} {
		assert.Contains(t, result.Status.ExperimentStatus.ErrorOutput.Reason, want)
	}
	cluster(t, "start", "kubelet-"+node)
	awaitNothingLeft(t, ns)
}

// awaitNothingLeft returns once the pods and claims of the run are gone.
func awaitNothingLeft(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	ofRuns := metav1.ListOptions{LabelSelector: kube.RunLabel}
	isEmpty := func(ctx context.Context) (bool, error) {
		pods, err := ns.Kube.CoreV1().Pods(ns.Name).List(ctx, ofRuns)
		if err != nil {
			return false, err
		}
		claims, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).List(ctx, ofRuns)
		return err == nil && len(pods.Items)+len(claims.Items) == 0, err
	}
	require.NoError(t, wait.PollUntilContextCancel(within(t), time.Second, true, isEmpty))
}
