package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
)

// releasedArchitectures are the architectures of the project's own image, as in .goreleaser.yaml.
var releasedArchitectures = []string{"amd64", "arm64"}

// architecture returns the architecture of a node; empty if the node does not report one.
func architecture(n corev1.Node) string {
	if label := n.Labels[corev1.LabelArchStable]; label != "" {
		return label
	}
	return n.Status.NodeInfo.Architecture
}

// exclude adds an obstacle to the nodes for whose architecture the project's own image is not built.
func (n nodes) exclude(released []string) {
	for _, node := range n.all {
		arch := architecture(node)
		if arch == "" || slices.Contains(released, arch) {
			continue
		}
		obstacle := fmt.Sprintf("architecture %s, but the image is for %s", arch, strings.Join(released, " and "))
		if other := n.obstacle[node.Name]; other != "" {
			obstacle = other + ", " + obstacle
		}
		n.obstacle[node.Name] = obstacle
	}
}

// checkArchitectures checks whether an image of the user's own is known to be for the architectures of all nodes. An
// image that a node has is for the architecture of that node. It returns no check if the nodes have one architecture.
func (n nodes) checkArchitectures(pod *corev1.Pod) []Check {
	usable := n.usable()
	nodesOf, known := map[string][]string{}, map[string]bool{}
	image := kube.ContainerOf(pod).Image
	for _, node := range n.all {
		arch := architecture(node)
		if slices.Contains(usable, node.Name) && arch != "" {
			nodesOf[arch] = append(nodesOf[arch], node.Name)
		}
		if hasImage(node, image) {
			known[arch] = true
		}
	}
	if len(nodesOf) < 2 {
		return nil
	}
	var all, unknown []string
	for _, arch := range slices.Sorted(maps.Keys(nodesOf)) {
		all = append(all, arch)
		if !known[arch] {
			unknown = append(unknown, fmt.Sprintf("%s (%s)", arch, strings.Join(nodesOf[arch], ", ")))
		}
	}
	const check = "architectures"
	if len(unknown) == 0 {
		return []Check{{check, Passed, "nodes of each architecture have the image: " + strings.Join(all, ", ")}}
	}
	missing := fmt.Sprintf("not checked whether image %s is for %s", image, strings.Join(unknown, ", "))
	return []Check{{check, Warning, missing +
		advice.Sentence("if it is not, set NODE_SELECTOR="+corev1.LabelArchStable+" to an architecture of the image")}}
}

// hasImage reports whether a node has an image. Nodes report images with their registry.
func hasImage(n corev1.Node, image string) bool {
	return slices.ContainsFunc(n.Status.Images, func(i corev1.ContainerImage) bool {
		return slices.ContainsFunc(i.Names, func(name string) bool {
			return name == image || strings.HasSuffix(name, "/"+image)
		})
	})
}
