package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// nodes are the nodes of the cluster, and whether they can run the pods of the run.
type nodes struct {
	all []corev1.Node
	// obstacle is why a node cannot run the pods, by name; empty if it can.
	obstacle map[string]string
	// taints are those that the pods do not tolerate.
	taints []string
}

// examineNodes examines the nodes that have the operating system of the image. pod is one of the run's pods; it may
// be nil.
func examineNodes(all []corev1.Node, pod *corev1.Pod) nodes {
	found := nodes{obstacle: map[string]string{}}
	if pod == nil {
		pod = &corev1.Pod{}
	}
	taints := map[string]bool{}
	for _, n := range all {
		if isLinux(n) {
			found.all = append(found.all, n)
			found.obstacle[n.Name] = obstacleOf(n, pod, taints)
		}
	}
	found.taints = slices.Sorted(maps.Keys(taints))
	return found
}

// isLinux reports whether a node runs Linux. The image has no other operating system. A node that does not report
// its operating system counts as Linux.
func isLinux(n corev1.Node) bool {
	os := n.Labels[corev1.LabelOSStable]
	if os == "" {
		os = n.Status.NodeInfo.OperatingSystem
	}
	return os == "" || os == string(corev1.Linux)
}

// obstacleOf returns why a node cannot run a pod; empty if it can. It adds the taints that the pod does not tolerate.
func obstacleOf(n corev1.Node, pod *corev1.Pod, taints map[string]bool) string {
	var obstacles []string
	if n.Spec.Unschedulable {
		obstacles = append(obstacles, "cordoned")
	}
	if !isReady(n) {
		obstacles = append(obstacles, "not ready")
	}
	for _, taint := range n.Spec.Taints {
		// The control plane sets these taints for what is reported above.
		isCondition := strings.HasPrefix(taint.Key, "node.kubernetes.io/")
		if taint.Effect == corev1.TaintEffectPreferNoSchedule || isCondition || tolerates(pod, taint) {
			continue
		}
		taints[taint.ToString()] = true
		obstacles = append(obstacles, "taint "+taint.ToString())
	}
	for _, key := range slices.Sorted(maps.Keys(pod.Spec.NodeSelector)) {
		isChecked := key == corev1.LabelOSStable // isLinux has decided
		if value := pod.Spec.NodeSelector[key]; n.Labels[key] != value && !isChecked {
			obstacles = append(obstacles, "no label "+key+"="+value)
		}
	}
	return strings.Join(obstacles, ", ")
}

func isReady(n corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

func tolerates(pod *corev1.Pod, taint corev1.Taint) bool {
	return slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
		return t.ToleratesTaint(klog.Background(), &taint, true)
	})
}

// usable returns the names of the nodes that can run the pods.
func (n nodes) usable() []string {
	var names []string
	for _, node := range n.all {
		if n.obstacle[node.Name] == "" {
			names = append(names, node.Name)
		}
	}
	return names
}

// obstacles lists the nodes that cannot run the pods, with the reasons.
func (n nodes) obstacles() string {
	var all []string
	for _, node := range n.all {
		if obstacle := n.obstacle[node.Name]; obstacle != "" {
			all = append(all, node.Name+": "+obstacle)
		}
	}
	return strings.Join(all, "; ")
}

// checkNodes checks whether enough nodes can run the pods. The nodes are nil if they cannot be listed.
func checkNodes(ctx context.Context, r run.Run, pod *corev1.Pod) ([]Check, *nodes) {
	opts := r.Options
	list, err := r.Kube.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		checks := []Check{{"nodes", Warning, fmt.Sprintf("not checked: %v", err)}}
		for _, reader := range namedNodes(opts) {
			checks = append(checks, Check{readerCheck(reader), Warning, "not checked: the nodes are unknown"})
		}
		return checks, nil
	}
	found := examineNodes(list.Items, pod)
	isOwnImage := opts.Image == "" && r.PodTemplate.Image() == ""
	if isOwnImage {
		found.exclude(releasedArchitectures)
	}
	checks := []Check{found.checkCount(len(list.Items), opts)}
	if !isOwnImage && pod != nil {
		checks = append(checks, found.checkArchitectures(pod)...)
	}
	if pod != nil {
		checks = append(checks, found.checkImage(kube.ContainerOf(pod).Image, isOwnImage))
	}
	checks = append(checks, found.checkReaderNodes(opts)...)
	return append(checks, checkOrchestrator(list.Items, opts.Orchestrator)), &found
}

// checkCount checks whether the run has as many nodes as it needs. total is the number of nodes of every operating
// system.
func (n nodes) checkCount(total int, opts options.Values) Check {
	usable := n.usable()
	message := fmt.Sprintf("%d of %d can run the pods", len(usable), len(n.all))
	if len(usable) > 0 {
		message += ": " + strings.Join(usable, ", ")
	}
	if others := total - len(n.all); others > 0 {
		message += fmt.Sprintf("; %d more with another operating system than Linux", others)
	}
	if obstacles := n.obstacles(); obstacles != "" {
		message += "; not possible on " + obstacles
	}
	needed := 1
	if slices.Contains(opts.ReaderNodes, options.OtherNode) {
		needed = 2
	}
	if len(usable) >= needed {
		return Check{"nodes", Passed, message}
	}
	if needed > 1 {
		message += fmt.Sprintf("; READER_NODE=other needs %d", needed)
	}
	if len(n.taints) > 0 {
		message += advice.Sentence("set TOLERATIONS=" + strings.Join(n.taints, ","))
	}
	return Check{"nodes", Failed, message}
}

// namedNodes returns the nodes that READER_NODE names.
func namedNodes(opts options.Values) []options.ReaderNode {
	relative := []options.ReaderNode{options.AnyNode, options.SameNode, options.OtherNode}
	return slices.DeleteFunc(slices.Clone(opts.ReaderNodes), func(r options.ReaderNode) bool {
		return slices.Contains(relative, r)
	})
}

// readerCheck returns the name of the check of a node that READER_NODE names.
func readerCheck(reader options.ReaderNode) string { return "READER_NODE " + string(reader) }

// checkReaderNodes checks the nodes that READER_NODE names.
func (n nodes) checkReaderNodes(opts options.Values) []Check {
	var checks []Check
	for _, reader := range namedNodes(opts) {
		c := Check{readerCheck(reader), Passed, "it can run the pods"}
		obstacle, exists := n.obstacle[string(reader)]
		switch {
		case !exists:
			c.Status = Failed
			c.Message = "no such Linux node" +
				advice.Sentence("set READER_NODE to one of: "+strings.Join(n.usable(), ", "))
		case obstacle != "":
			c.Status, c.Message = Failed, "it cannot run the pods: "+obstacle
		}
		checks = append(checks, c)
	}
	return checks
}

// checkOrchestrator decides as a run does whether Kubernetes or Swarm orchestrates.
func checkOrchestrator(nodes []corev1.Node, option options.Orchestrator) Check {
	const check = "orchestrator"
	switch {
	case option == options.Swarm, option == options.Auto && run.OnlySwarm(nodes):
		return Check{check, Failed, "Swarm: the rule is Not Applicable, so there is nothing to test"}
	case option == options.Kubernetes:
		return Check{check, Passed, "Kubernetes (set by ORCHESTRATOR)"}
	}
	return Check{check, Passed, "Kubernetes: not every node is labelled as a Swarm-only node"}
}
