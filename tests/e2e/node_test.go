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

// cordon lets nothing new be put on a node, until the test is over.
func cordon(t *testing.T, ns *chaosengine.Namespace, node string) {
	t.Helper()
	schedulable := func(no string) error {
		patch := []byte(`{"spec":{"unschedulable":` + no + `}}`)
		_, err := ns.Kube.CoreV1().Nodes().Patch(within(t), node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		return err
	}
	t.Cleanup(func() { assert.NoError(t, schedulable("false")) })
	assert.NoError(t, schedulable("true"))
}

// cutOff takes a node from the API server's reach, until the test is over.
func cutOff(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() { cluster(t, "start", "kubelet-"+node) })
	clusterDoes(t, "stop", "kubelet-"+node)
}

// cutOffWithItsWriter takes the node from the API server's reach that the first writer
// runs on, when that is about to be deleted. Nothing new is put there.
func cutOffWithItsWriter(t *testing.T, ns *chaosengine.Namespace) (node func() string) {
	t.Helper()
	var name string
	cut := make(chan struct{})
	phase{happens: deletion, what: "write-pod"}.foresee(t, ns, func() {
		defer close(cut)
		writer, err := ns.Kube.CoreV1().Pods(ns.Name).Get(within(t), "write-pod", metav1.GetOptions{})
		if assert.NoError(t, err) {
			name = writer.Spec.NodeName
			cordon(t, ns, name)
			cutOff(t, name)
		}
	})
	return func() string { <-cut; return name }
}

// A node that is cut off goes on running what was deleted by force: the kubelet that
// would end it does not hear of it.
func TestTwoWritersAliveAtOnceAreSaidAndNotCalledDamage(t *testing.T) {
	ns := someNamespace(t)
	node := cutOffWithItsWriter(t, ns)
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
	const said = "two writers ran at the same time: epoch 1 wrote after epoch 2 had started"
	assert.Contains(t, cell.Notes, said)
	assert.Contains(t, o.probe(t, "verify").Description, said)
	requireNothingLeft(t, ns)
}

// A drain cordons the node and evicts its pods.
func TestAWritersNodeIsDrained(t *testing.T) {
	ns := someNamespace(t)
	start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "20", "CHAOS_INTERVAL": "10"})
	writer := inChaos(t, ns)
	cordon(t, ns, writer.Spec.NodeName)
	require.NoError(t, ns.Kube.CoreV1().Pods(ns.Name).EvictV1(within(t), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: writer.Name, Namespace: ns.Name}}))
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	cell := o.result.Cells[0]
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	assert.NotEqual(t, cell.Epochs[0].Node, cell.Epochs[1].Node)
	assert.Contains(t, o.probe(t, "verify").Description, "the pod of the writer of epoch 1 was gone before its deletion: something else deleted it")
	requireNothingLeft(t, ns)
}

// What a node that is away does with its pods nobody knows: nothing can be verified.
func TestANodeThatIsAwayIsAnError(t *testing.T) {
	ns := someNamespace(t)
	away := cutOffWithItsWriter(t, ns)
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: "engine", Env: short(nil), StatusTimeout: 25}))
	result, err := ns.Await(within(t), "engine")
	require.NoError(t, err)
	node := away()
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, result.Status.ExperimentStatus.Verdict)
	require.NotNil(t, result.Status.ExperimentStatus.ErrorOutput)
	for _, says := range []string{"timed out after 25s waiting for pod " + ns.Name + "/write-pod to be deleted", "it is on node " + node, "kubectl get node " + node, "Left behind"} {
		assert.Contains(t, result.Status.ExperimentStatus.ErrorOutput.Reason, says)
	}
	cluster(t, "start", "kubelet-"+node)
	awaitNothingLeft(t, ns)
}

// awaitNothingLeft returns once what was asked to go has gone.
func awaitNothingLeft(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	require.NoError(t, wait.PollUntilContextCancel(within(t), time.Second, true, func(ctx context.Context) (bool, error) {
		pods, err := ns.Kube.CoreV1().Pods(ns.Name).List(ctx, metav1.ListOptions{LabelSelector: kube.RunLabel})
		if err != nil {
			return false, err
		}
		claims, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).List(ctx, metav1.ListOptions{LabelSelector: kube.RunLabel})
		return err == nil && len(pods.Items)+len(claims.Items) == 0, err
	}))
}
