package scheduling

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reach is where a volume can be used and a pod may run.
type Reach struct {
	// Volume are the nodes on which the volume can be used.
	Volume []string
	// Pod are the nodes on which the pod may run by its node affinity and node selector.
	Pod []string
	// Both are the nodes in Volume and in Pod.
	Both []string
	// Fixed is set if the volume is bound to nodes by their names, so that a new node cannot use it either.
	Fixed bool
}

// ReachOf returns the reach of a pod with a volume. Taints and free resources are not considered, because they may
// change.
func ReachOf(pod *corev1.Pod, volume *corev1.NodeSelector, nodes []corev1.Node) Reach {
	r := Reach{Fixed: namesNodes(volume, nodes)}
	for _, n := range nodes {
		usable, allowed := selects(volume, n), mayRunOn(pod, n)
		if usable {
			r.Volume = append(r.Volume, n.Name)
		}
		if allowed {
			r.Pod = append(r.Pod, n.Name)
		}
		if usable && allowed {
			r.Both = append(r.Both, n.Name)
		}
	}
	return r
}

func mayRunOn(pod *corev1.Pod, n corev1.Node) bool {
	for key, value := range pod.Spec.NodeSelector {
		if n.Labels[key] != value {
			return false
		}
	}
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil {
		return true
	}
	return selects(affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution, n)
}

// selects reports whether a selector selects a node. No selector selects all nodes; terms are alternatives.
func selects(selector *corev1.NodeSelector, n corev1.Node) bool {
	return selector == nil || slices.ContainsFunc(selector.NodeSelectorTerms, func(t corev1.NodeSelectorTerm) bool {
		return matches(t, n)
	})
}

// matches reports whether a node meets all requirements of a term. A term without requirements selects nothing.
func matches(t corev1.NodeSelectorTerm, n corev1.Node) bool {
	for _, r := range t.MatchExpressions {
		if value, has := n.Labels[r.Key]; !meets(r, value, has) {
			return false
		}
	}
	for _, r := range t.MatchFields {
		if r.Key != metav1.ObjectNameField || !meets(r, n.Name, true) {
			return false
		}
	}
	return len(t.MatchExpressions)+len(t.MatchFields) > 0
}

func meets(r corev1.NodeSelectorRequirement, value string, has bool) bool {
	switch r.Operator {
	case corev1.NodeSelectorOpIn:
		return has && slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpNotIn:
		return !has || !slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpExists:
		return has
	case corev1.NodeSelectorOpDoesNotExist:
		return !has
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		return has && len(r.Values) == 1 && compares(r.Operator, value, r.Values[0])
	}
	return false
}

func compares(operator corev1.NodeSelectorOperator, value, bound string) bool {
	v, errV := strconv.ParseInt(value, 10, 64)
	b, errB := strconv.ParseInt(bound, 10, 64)
	if errV != nil || errB != nil {
		return false
	}
	if operator == corev1.NodeSelectorOpGt {
		return v > b
	}
	return v < b
}

// namesNodes reports whether every term of a selector names single nodes.
func namesNodes(selector *corev1.NodeSelector, nodes []corev1.Node) bool {
	if selector == nil || len(selector.NodeSelectorTerms) == 0 {
		return false
	}
	for _, t := range selector.NodeSelectorTerms {
		byName := slices.ContainsFunc(t.MatchExpressions, func(r corev1.NodeSelectorRequirement) bool {
			return r.Operator == corev1.NodeSelectorOpIn && isNodeName(r.Key, nodes)
		})
		if !byName && len(t.MatchFields) == 0 {
			return false
		}
	}
	return true
}

// isNodeName reports whether a label holds the name of its node. Many drivers have a label of their own for it.
func isNodeName(key string, nodes []corev1.Node) bool {
	if key == corev1.LabelHostname {
		return true
	}
	found := false
	for _, n := range nodes {
		value, has := n.Labels[key]
		if has && value != n.Name && value != n.Labels[corev1.LabelHostname] {
			return false
		}
		found = found || has
	}
	return found
}
