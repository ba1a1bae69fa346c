package scheduling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func nodes() []corev1.Node {
	var list []corev1.Node
	for name, zone := range map[string]string{"n1": "a", "n2": "a", "n3": "b"} {
		list = append(list, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name + ".example", corev1.LabelTopologyZone: zone, "topology.csi/node": name, "cpus": "4",
		}}})
	}
	return list
}

func in(key string, values ...string) *corev1.NodeSelector {
	return expression(key, corev1.NodeSelectorOpIn, values...)
}

func expression(key string, operator corev1.NodeSelectorOperator, values ...string) *corev1.NodeSelector {
	return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}},
	}}}
}

// notOn returns a pod that may run on all nodes but one.
func notOn(node string) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchFields: []corev1.NodeSelectorRequirement{
				{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpNotIn, Values: []string{node}},
			},
		}}},
	}}
	return pod
}

func TestReachOf_IntersectsVolumeAndPod(t *testing.T) {
	zoneA := &corev1.Pod{}
	zoneA.Spec.NodeSelector = map[string]string{corev1.LabelTopologyZone: "a"}
	all := &corev1.Pod{}
	noRequirements := &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}}}
	for name, tc := range map[string]struct {
		pod    *corev1.Pod
		volume *corev1.NodeSelector
		both   []string
		fixed  bool
	}{
		"anywhere":                    {all, nil, []string{"n1", "n2", "n3"}, false},
		"on one node, reader not":     {notOn("n1"), in(corev1.LabelHostname, "n1.example"), nil, true},
		"on one node, own label":      {notOn("n1"), in("topology.csi/node", "n1"), nil, true},
		"in a zone":                   {notOn("n1"), in(corev1.LabelTopologyZone, "a"), []string{"n2"}, false},
		"in a zone with one node":     {notOn("n3"), in(corev1.LabelTopologyZone, "b"), nil, false},
		"selector":                    {zoneA, expression("cpus", "Gt", "2"), []string{"n1", "n2"}, false},
		"too small":                   {zoneA, expression("cpus", "Lt", "4"), nil, false},
		"label that must exist":       {notOn("n2"), expression("gpu", "Exists"), nil, false},
		"label that must not exist":   {zoneA, expression("gpu", "DoesNotExist"), []string{"n1", "n2"}, false},
		"not in a zone":               {all, expression(corev1.LabelTopologyZone, "NotIn", "a"), []string{"n3"}, false},
		"a term without requirements": {all, noRequirements, nil, false},
	} {
		r := ReachOf(tc.pod, tc.volume, nodes())
		assert.ElementsMatch(t, tc.both, r.Both, name)
		assert.Equal(t, tc.fixed, r.Fixed, name)
	}
}
