package e2e

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// taintAllNodes gives every node a taint until the test ends. Pods that do not tolerate it
// cannot start anywhere meanwhile, so the test must not run beside others.
func taintAllNodes(t *testing.T, ns *chaosengine.Namespace, taint corev1.Taint) {
	t.Helper()
	ofTest := func(other corev1.Taint) bool { return other.MatchTaint(&taint) }
	change := func(ctx context.Context, taints func([]corev1.Taint) []corev1.Taint) error {
		list, err := ns.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, n := range list.Items {
			err := updateNode(ctx, ns, n.Name, func(node *corev1.Node) { node.Spec.Taints = taints(node.Spec.Taints) })
			if err != nil {
				return err
			}
		}
		return nil
	}
	t.Cleanup(func() {
		assert.NoError(t, change(within(t), func(all []corev1.Taint) []corev1.Taint {
			return slices.DeleteFunc(all, ofTest)
		}))
	})
	require.NoError(t, change(within(t), func(all []corev1.Taint) []corev1.Taint {
		return append(slices.DeleteFunc(all, ofTest), taint)
	}))
}

// updateNode changes a node.
func updateNode(ctx context.Context, ns *chaosengine.Namespace, name string, change func(*corev1.Node)) error {
	nodes := ns.Kube.CoreV1().Nodes()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		node, err := nodes.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(node)
		_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
		return err
	})
}

// Every node is tainted, the image is in a registry that demands a login, the namespace is
// restricted and has a quota, and a sidecar is injected that never ends. A user who follows
// the advice of doctor gets a verdict.
func TestHardCluster_IsUsableByWhatDoctorSays(t *testing.T) {
	private := privateImage(t)
	ns := newNamespace(t)
	inject(t, ns, injectFirst)
	quota(corev1.ResourcePods, "2")(t, ns)
	taint := corev1.Taint{Key: "dedicated", Value: "storage", Effect: corev1.TaintEffectNoSchedule}
	taintAllNodes(t, ns, taint)
	at := newTerminal(t, ns)

	wanted := []string{
		"--lib-image", private, "--storage-class", "csi-ext4", "--reader-node", "same,other", "--negative-control=true",
	}
	code, out, _ := at.exec(append([]string{"doctor"}, wanted...)...)
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "--parallel-cells", "three cells need more pods than the quota allows")
	assert.Contains(t, out, "--image-pull-secrets")
	tolerations := regexp.MustCompile(`--tolerations=(\S+)`).FindStringSubmatch(out)
	require.NotNil(t, tolerations, "doctor must name the taints")

	createPullSecret(t, ns, private)
	wanted = append(wanted,
		"--tolerations", tolerations[1], "--image-pull-secrets", pullSecret, "--parallel-cells", "1")
	code, out, _ = at.exec(append([]string{"doctor"}, wanted...)...)
	assert.Equal(t, 0, code, "nothing else is missing")
	assert.NotContains(t, out, "✗ failed")
	assert.Contains(t, out, "attachRequired true; podInfoOnMount false; fsGroupPolicy File")

	code, out, _ = at.exec(shortRun(append(wanted, "-o", "json")...)...)
	assert.Equal(t, 0, code)
	var r result.Result
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	assert.Equal(t, judge.Pass, r.Verdict, r.Reason)
	assert.Len(t, r.Cells, 3)
	require.Len(t, r.Cluster.StorageClasses, 1)
	assert.Equal(t, "csi-ext4", r.Cluster.StorageClasses[0].Name)
	require.Len(t, r.Cluster.CSIDrivers, 1)
	assert.Equal(t, "File", r.Cluster.CSIDrivers[0].FSGroupPolicy)
	require.NotNil(t, r.Cluster.CSIDrivers[0].Nodes)
	assert.Positive(t, *r.Cluster.CSIDrivers[0].Nodes)
	requireNothingLeft(t, ns)
}
