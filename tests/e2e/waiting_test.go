package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// noImage is an image that no registry has.
const noImage = "volume-durability.test/none:test"

// errorOf runs an engine to its end and returns the reason of its Error. A step may take longer
// than the test, so that a wait which ends only with the step's timeout fails the test.
func errorOf(t *testing.T, ns *chaosengine.Namespace, engine string, env map[string]string) string {
	t.Helper()
	const longerThanTheTest = 2 * 600
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: engine, Env: env, StatusTimeout: longerThanTheTest}))
	result, err := ns.Await(within(t), engine)
	require.NoError(t, err)
	require.Equal(t, chaosv1alpha1.ResultVerdictError, result.Status.ExperimentStatus.Verdict)
	require.NotNil(t, result.Status.ExperimentStatus.ErrorOutput)
	reason := result.Status.ExperimentStatus.ErrorOutput.Reason
	assert.NotContains(t, reason, "timed out")
	return reason
}

// What cannot change any more ends the run before the timeout, and the log has the reason.
func TestWaiting_EndsOnceTheCauseIsFinal(t *testing.T) {
	for name, tc := range map[string]struct {
		env       map[string]string
		want      []string
		inTheLogs string
	}{
		"no such storage class": {
			// The chaos of the control would take longer than the test.
			env: map[string]string{
				"STORAGE_CLASS": "no-such-class", "NEGATIVE_CONTROL": "true", "TOTAL_CHAOS_DURATION": "3600",
			},
			want: []string{
				"The negative control was ended early",
				`storageclass.storage.k8s.io "no-such-class" not found`, "its claim cannot get a volume",
				"set STORAGE_CLASS to an existing StorageClass",
			},
		},
		"no such image": {
			env:       map[string]string{"LIB_IMAGE": noImage},
			want:      []string{"its container has not been created for 20s", noImage, "can pull LIB_IMAGE"},
			inTheLogs: "(ErrImagePull|ImagePullBackOff)",
		},
		"an image's name that is invalid": {
			env:  map[string]string{"LIB_IMAGE": "volume-durability.test/UPPER:test"},
			want: []string{"InvalidImageName", "set LIB_IMAGE to a valid image reference"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t)
			reason := errorOf(t, ns, "engine", tc.env)
			for _, want := range tc.want {
				assert.Contains(t, reason, want)
			}
			log, err := ns.Log(within(t), "engine")
			require.NoError(t, err)
			if tc.inTheLogs != "" {
				assert.Regexp(t, `level=info msg="Pod is waiting".*`+tc.inTheLogs, log)
			}
			requireNothingLeft(t, ns)
		})
	}
}

// The second run has a claim and a pod with the names of those of the first run.
func TestWaiting_IgnoresEventsOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	first := errorOf(t, ns, "first", map[string]string{"STORAGE_CLASS": "no-such-class"})
	assert.Contains(t, first, `"no-such-class" not found`)
	_, err := ns.AwaitCompleted(within(t), "first")
	require.NoError(t, err)

	second := errorOf(t, ns, "second", map[string]string{"LIB_IMAGE": noImage, "LIB_IMAGE_PULL_POLICY": "Never"})
	assert.Contains(t, second, "ErrImageNeverPull")
	assert.NotContains(t, second, "no-such-class")
}

// With rbac-optional.yaml, a run reads on which nodes a volume can be used. A taint on the other
// node hides from the scheduler's message that the volume is on one node.
func TestWaiting_VolumeOfOneNodeIsSkippedWhateverOtherNodesReport(t *testing.T) {
	requireTestCluster(t) // not parallel: it taints a node
	ns := newNamespace(t)
	grantOptional(t, ns)
	start(t, ns, severalDeletions(map[string]string{"STORAGE_CLASS": "local-path", "READER_NODE": "other"}))
	writer, err := ns.AwaitRunning(within(t), "write-pod")
	require.NoError(t, err)
	taintOthers(t, ns, writer.Spec.NodeName)
	o := await(t, ns)
	require.NotEmpty(t, o.result.Cells)
	cell := o.result.Cells[0]
	assert.Equal(t, judge.Skipped, cell.Verdict, cell.Reason)
	assert.Contains(t, cell.Reason, "its volume cannot be used on any node on which the pod may run (volume ")
	assert.Contains(t, cell.Reason, "set READER_NODE to a node that can run the pod and reach the volume")
}

// taintOthers taints all nodes but one until the test ends.
func taintOthers(t *testing.T, ns *chaosengine.Namespace, except string) {
	t.Helper()
	api := ns.Kube.CoreV1().Nodes()
	nodes, err := api.List(within(t), metav1.ListOptions{})
	require.NoError(t, err)
	for _, node := range nodes.Items {
		if node.Name == except {
			continue
		}
		taint := func(taints []corev1.Taint) error {
			patch, err := json.Marshal(map[string]any{"spec": map[string]any{"taints": taints}})
			if err != nil {
				return err
			}
			_, err = api.Patch(within(t), node.Name, types.MergePatchType, patch, metav1.PatchOptions{})
			return err
		}
		t.Cleanup(func() { require.NoError(t, taint(node.Spec.Taints)) })
		ours := corev1.Taint{Key: "volume-durability.test/e2e", Effect: corev1.TaintEffectNoSchedule}
		require.NoError(t, taint(append(slices.Clone(node.Spec.Taints), ours)))
	}
}
