package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/pkg/scheduling"
)

// checkWriterNode checks whether the nodes that WRITER_NODE chooses can run the writer. pod is the writer; it may be
// nil.
func checkWriterNode(ctx context.Context, r run.Run, pod *corev1.Pod) []Check {
	option := r.Options.WriterNode
	if option == options.AnyWriterNode || option == "" {
		return nil // the check of the nodes is about all nodes
	}
	check := "WRITER_NODE " + string(option)
	all, err := r.Kube.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return []Check{{check, Warning, fmt.Sprintf("not checked: %v", err)}}
	}
	w := writerNodes{check: check, all: all.Items, pod: pod, taints: map[string]bool{}}
	if w.pod == nil {
		w.pod = &corev1.Pod{}
	}
	switch {
	case option == options.ClaimNode:
		return []Check{w.checkClaim(ctx, r)}
	case option.Labels() != nil:
		return []Check{w.checkLabels(option.Labels())}
	}
	return []Check{w.checkNode(string(option))}
}

// writerNodes checks nodes for the writer.
type writerNodes struct {
	check  string
	all    []corev1.Node
	pod    *corev1.Pod
	taints map[string]bool // those that the pod does not tolerate, of the nodes that were examined
}

// obstacle returns why a node cannot run the writer; empty if it can.
func (w writerNodes) obstacle(n corev1.Node) string {
	if !isLinux(n) {
		return "its operating system is not Linux"
	}
	obstacle := obstacleOf(n, w.pod, w.taints)
	reachable := scheduling.ReachOf(w.pod, nil, []corev1.Node{n}).Pod
	if obstacle == "" && len(reachable) == 0 && n.Labels[corev1.LabelOSStable] != "" {
		return "the node affinity of the pods excludes it"
	}
	return obstacle
}

// usable returns the names of all nodes that can run the writer.
func (w writerNodes) usable() []string {
	var names []string
	w.taints = map[string]bool{} // those of other nodes are of no interest
	for _, n := range w.all {
		if w.obstacle(n) == "" {
			names = append(names, n.Name)
		}
	}
	return names
}

// otherNode returns the advice to choose a node that can run the writer.
func (w writerNodes) otherNode() string {
	if usable := w.usable(); len(usable) > 0 {
		return "set WRITER_NODE to one of: " + strings.Join(usable, ", ")
	}
	return "make a Linux node ready for the pods: kubectl get nodes"
}

func (w writerNodes) failed(message string, fixes ...string) Check {
	return Check{w.check, Failed, message + advice.Sentence(strings.Join(fixes, ", or "))}
}

// fixes returns what makes nodes with obstacles usable, or which other node to choose.
func (w writerNodes) fixes(nodes []corev1.Node) []string {
	var fixes []string
	for _, n := range nodes {
		if n.Spec.Unschedulable {
			fixes = append(fixes, "kubectl uncordon "+n.Name)
		}
	}
	if len(w.taints) > 0 {
		fixes = append(fixes, "set TOLERATIONS="+strings.Join(slices.Sorted(maps.Keys(w.taints)), ","))
	}
	return append(fixes, w.otherNode())
}

func (w writerNodes) checkNode(name string) Check {
	i := slices.IndexFunc(w.all, func(n corev1.Node) bool { return n.Name == name })
	if i < 0 {
		return w.failed("there is no node "+name, w.otherNode())
	}
	if obstacle := w.obstacle(w.all[i]); obstacle != "" {
		return w.failed("it cannot run the writer: "+obstacle, w.fixes(w.all[i:i+1])...)
	}
	return Check{w.check, Passed, "it can run the writer"}
}

func (w writerNodes) checkLabels(labels map[string]string) Check {
	var chosen []corev1.Node
	var usable, obstacles []string
	for _, n := range w.all {
		if !hasLabels(n, labels) {
			continue
		}
		chosen = append(chosen, n)
		if obstacle := w.obstacle(n); obstacle != "" {
			obstacles = append(obstacles, n.Name+": "+obstacle)
		} else {
			usable = append(usable, n.Name)
		}
	}
	switch {
	case len(chosen) == 0:
		return w.failed("no node has these labels", "kubectl get nodes --show-labels")
	case len(usable) == 0:
		return w.failed("none of the nodes with these labels can run the writer: "+strings.Join(obstacles, "; "),
			w.fixes(chosen)...)
	}
	return Check{w.check, Passed, "nodes that can run the writer: " + strings.Join(usable, ", ")}
}

func hasLabels(n corev1.Node, labels map[string]string) bool {
	for key, value := range labels {
		if n.Labels[key] != value {
			return false
		}
	}
	return true
}

// checkClaim checks the node of the application that uses the existing claim.
func (w writerNodes) checkClaim(ctx context.Context, r run.Run) Check {
	name, err := r.Kube.NodeOfClaim(ctx, r.Options.ExistingClaim)
	if err != nil {
		return Check{w.check, Warning, fmt.Sprintf("not checked: %v", err)}
	}
	if name == "" {
		return Check{w.check, Passed, "no other pod uses claim " + r.Options.ExistingClaim + ": any node"}
	}
	w.check += " (" + name + ")"
	i := slices.IndexFunc(w.all, func(n corev1.Node) bool { return n.Name == name })
	if i < 0 {
		return w.failed("the pod that uses claim " + r.Options.ExistingClaim + " is on node " + name +
			", which does not exist")
	}
	if obstacle := w.obstacle(w.all[i]); obstacle != "" {
		fixes := w.fixes(w.all[i : i+1])
		return w.failed("it cannot run the writer: "+obstacle, fixes[:len(fixes)-1]...)
	}
	return Check{w.check, Passed, "it can run the writer"}
}
