package run

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/inputs"
)

// Labels by which Mirantis Kubernetes Engine says what orchestrates on a node.
const (
	swarmLabel      = "com.docker.ucp.orchestrator.swarm"
	kubernetesLabel = "com.docker.ucp.orchestrator.kubernetes"
)

// notApplicable says why the check does not apply, if there is positive evidence
// that it does not. Missing labels, or nodes that may not be seen, prove nothing;
// what could not be seen is returned too.
func (r Run) notApplicable(ctx context.Context) (reason, unseen string, err error) {
	const swarm = "Not Applicable: Swarm orchestrates"
	switch r.Settings.Orchestrator {
	case inputs.Swarm:
		return swarm + ", as ORCHESTRATOR states", "", nil
	case inputs.Kubernetes:
		return "", "", nil
	}
	nodes, err := r.Namespace.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if ctx.Err() != nil {
		return "", "", context.Cause(ctx)
	}
	if err != nil {
		r.Log.WithError(err).Info("The nodes' labels cannot be seen: taken for Kubernetes")
		return "", fmt.Sprintf("what orchestrates was taken for Kubernetes: the nodes' labels could not be seen (%v)", err), nil
	}
	if OnlySwarm(nodes.Items) {
		return swarm + " on every node, as their labels " + swarmLabel + " state", "", nil
	}
	return "", "", nil
}

// OnlySwarm says whether the nodes' labels state that Swarm orchestrates on all of them.
func OnlySwarm(nodes []corev1.Node) bool {
	for _, n := range nodes {
		if n.Labels[swarmLabel] != "true" || n.Labels[kubernetesLabel] == "true" {
			return false
		}
	}
	return len(nodes) > 0
}
