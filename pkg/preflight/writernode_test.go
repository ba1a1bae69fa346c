package preflight

import (
	"errors"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// writerNode returns a ready node with an operating system; change may change it.
func writerNode(name, system string, change func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelOSStable: system}},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
	if change != nil {
		change(n)
	}
	return n
}

// writerNodeRun returns a run on a cluster with nodes of each kind and an application on a claim.
func writerNodeRun(t *testing.T, env map[string]string) run.Run {
	t.Helper()
	app := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "stig"},
		Spec: corev1.PodSpec{NodeName: "tainted", Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "theirs"},
		}}}},
	}
	api := fake.NewClientset(app,
		writerNode("good", "linux", func(n *corev1.Node) { n.Labels["disk"] = "fast" }),
		writerNode("windows", "windows", func(n *corev1.Node) { n.Labels["disk"] = "slow" }),
		writerNode("cordoned", "linux", func(n *corev1.Node) { n.Spec.Unschedulable = true }),
		writerNode("unready", "linux", func(n *corev1.Node) { n.Status.Conditions = nil }),
		writerNode("tainted", "linux", func(n *corev1.Node) {
			n.Labels["disk"] = "tainted"
			n.Spec.Taints = []corev1.Taint{{Key: "db", Value: "only", Effect: corev1.TaintEffectNoSchedule}}
		}),
	)
	opts, err := options.Parse(func(name string) string { return env[name] })
	require.NoError(t, err)
	log := logrus.New()
	log.SetOutput(t.Output())
	return run.Run{ID: "r", Options: opts, Log: log, Kube: kube.Client{
		API: api, Namespace: "stig", Labels: map[string]string{kube.RunLabel: "r"}, Timeout: time.Minute, Log: log,
	}}
}

func TestCheckWriterNode_ExaminesTheChosenNodes(t *testing.T) {
	tolerant := &corev1.Pod{}
	tolerant.Spec.Tolerations = []corev1.Toleration{{Key: "db", Operator: corev1.TolerationOpExists}}
	elsewhere := &corev1.Pod{Spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: "disk", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"fast"}},
			},
		}}},
	}}}}
	selecting := &corev1.Pod{Spec: corev1.PodSpec{NodeSelector: map[string]string{"disk": "slow"}}}
	for name, c := range map[string]struct {
		option string
		pod    *corev1.Pod
		status Status
		want   string
	}{
		"good":              {"good", nil, Passed, "it can run the writer"},
		"missing":           {"none", nil, Failed, "there is no node none. To fix this: set WRITER_NODE to one of: good"},
		"Windows":           {"windows", nil, Failed, "its operating system is not Linux. To fix this: set WRITER_NODE to"},
		"cordoned":          {"cordoned", nil, Failed, "cordoned. To fix this: kubectl uncordon cordoned, or set"},
		"not ready":         {"unready", nil, Failed, "not ready. To fix this: set WRITER_NODE to one of: good"},
		"tainted":           {"tainted", nil, Failed, "NoSchedule. To fix this: set TOLERATIONS=db=only:NoSchedule, or"},
		"tolerated":         {"tainted", tolerant, Passed, "it can run the writer"},
		"affinity":          {"good", elsewhere, Failed, "the node affinity of the pods excludes it"},
		"node selector":     {"good", selecting, Failed, "no label disk=slow"},
		"labels":            {"disk=fast", nil, Passed, "nodes that can run the writer: good"},
		"labels of none":    {"disk=none", nil, Failed, "no node has these labels"},
		"labels of Windows": {"disk=slow", nil, Failed, "none of the nodes with these labels can run the writer: windows"},
	} {
		t.Run(name, func(t *testing.T) {
			checks := checkWriterNode(t.Context(), writerNodeRun(t, map[string]string{"WRITER_NODE": c.option}), c.pod)
			require.Len(t, checks, 1)
			assert.Equal(t, "WRITER_NODE "+c.option, checks[0].Name)
			assert.Equal(t, c.status, checks[0].Status, checks[0].Message)
			assert.Contains(t, checks[0].Message, c.want)
		})
	}
}

func TestCheckWriterNode_ExaminesTheNodeOfTheClaim(t *testing.T) {
	check := func(claim string) Check {
		r := writerNodeRun(t, map[string]string{"WRITER_NODE": "claim", "EXISTING_CLAIM": claim})
		checks := checkWriterNode(t.Context(), r, nil)
		require.Len(t, checks, 1)
		return checks[0]
	}
	assert.Equal(t, Check{"WRITER_NODE claim (tainted)", Failed,
		"it cannot run the writer: taint db=only:NoSchedule. To fix this: set TOLERATIONS=db=only:NoSchedule"}, check("theirs"))
	assert.Equal(t, Check{"WRITER_NODE claim", Passed, "no other pod uses claim unused: any node"}, check("unused"))
}

func TestCheckWriterNode_AnyNodeNeedsNoCheck(t *testing.T) {
	assert.Empty(t, checkWriterNode(t.Context(), writerNodeRun(t, nil), nil))
}

func TestCheckWriterNode_WithoutPermissionIsAWarning(t *testing.T) {
	r := writerNodeRun(t, map[string]string{"WRITER_NODE": "good"})
	r.Kube.API.(*fake.Clientset).PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("forbidden")
	})
	assert.Equal(t, []Check{{"WRITER_NODE good", Warning, "not checked: forbidden"}}, checkWriterNode(t.Context(), r, nil))
}

func TestRun_ChecksWriterNodeAndSELinux(t *testing.T) {
	by := checks(t, map[string]string{"WRITER_NODE": "none", "EXISTING_CLAIM": "c"}, allowAll, cluster("n1")...)
	assert.Equal(t, Failed, by["WRITER_NODE none"].Status)
	assert.Contains(t, by, "SELinux label of claim c")
}
