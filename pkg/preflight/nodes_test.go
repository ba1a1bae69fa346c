package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// node returns a ready node with taints.
func node(name string, taints ...corev1.Taint) corev1.Node {
	return corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelOSStable: "linux"}},
		Spec:       corev1.NodeSpec{Taints: taints},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

var dedicated = corev1.Taint{Key: "dedicated", Value: "storage", Effect: corev1.TaintEffectNoSchedule}

func TestNodes_NamesTaintsThatNoPodTolerates(t *testing.T) {
	control := corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}
	all := []corev1.Node{node("n1", dedicated), node("n2", control, dedicated)}
	c := examineNodes(all, &corev1.Pod{}).checkCount(2, options.Values{})
	assert.Equal(t, Failed, c.Status)
	assert.Contains(t, c.Message, "n1: taint dedicated=storage:NoSchedule")
	assert.Contains(t, c.Message, "To fix this: set TOLERATIONS=dedicated=storage:NoSchedule,"+
		"node-role.kubernetes.io/control-plane:NoSchedule")

	tolerating := &corev1.Pod{}
	tolerating.Spec.Tolerations = []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}
	c = examineNodes(all, tolerating).checkCount(2, options.Values{})
	assert.Equal(t, Passed, c.Status)
	assert.Contains(t, c.Message, "1 of 2 can run the pods: n1")
	assert.Contains(t, c.Message, "n2: taint node-role.kubernetes.io/control-plane:NoSchedule")
}

func TestNodes_AvoidedNodesAreUsable(t *testing.T) {
	avoid := corev1.Taint{Key: "spot", Effect: corev1.TaintEffectPreferNoSchedule}
	assert.Equal(t, []string{"n1"}, examineNodes([]corev1.Node{node("n1", avoid)}, nil).usable())
}

func TestNodes_WindowsIsNotCounted(t *testing.T) {
	labelled, reported := node("w1"), node("w2")
	labelled.Labels[corev1.LabelOSStable] = "windows"
	reported.Labels = nil
	reported.Status.NodeInfo.OperatingSystem = "windows"
	found := examineNodes([]corev1.Node{node("n1"), labelled, reported}, nil)
	assert.Equal(t, []string{"n1"}, found.usable())
	c := found.checkCount(3, options.Values{ReaderNodes: []options.ReaderNode{options.OtherNode}})
	assert.Equal(t, Failed, c.Status)
	assert.Contains(t, c.Message, "1 of 1 can run the pods: n1; 2 more with another operating system than Linux")
	assert.Contains(t, c.Message, "READER_NODE=other needs 2")
}

func TestNodes_GivesTheReasonForEachNode(t *testing.T) {
	cordoned, failed := node("n1"), node("n2")
	cordoned.Spec.Unschedulable = true
	cordoned.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}
	failed.Status.Conditions[0].Status = corev1.ConditionUnknown
	pod := &corev1.Pod{Spec: corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}}
	found := examineNodes([]corev1.Node{cordoned, failed}, pod)
	assert.Equal(t, "n1: cordoned, no label disk=ssd; n2: not ready, no label disk=ssd", found.obstacles())
	assert.Empty(t, found.taints, "the pods need no toleration for these")
}

func TestReaderNodes_MustExistAndBeUsable(t *testing.T) {
	windows := node("w1")
	windows.Labels[corev1.LabelOSStable] = "windows"
	found := examineNodes([]corev1.Node{node("n1"), node("n2", dedicated), windows}, nil)
	checks := found.checkReaderNodes(options.Values{
		ReaderNodes: []options.ReaderNode{options.AnyNode, "n1", "n2", "n3", "w1"},
	})
	want := []Check{
		{"READER_NODE n1", Passed, "it can run the pods"},
		{"READER_NODE n2", Failed, "it cannot run the pods: taint dedicated=storage:NoSchedule"},
		{"READER_NODE n3", Failed, "no such Linux node. To fix this: set READER_NODE to one of: n1"},
		{"READER_NODE w1", Failed, "no such Linux node. To fix this: set READER_NODE to one of: n1"},
	}
	assert.Equal(t, want, checks)
}
