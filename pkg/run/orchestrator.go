package run

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// Labels with which Mirantis Kubernetes Engine marks what orchestrates on a node.
const (
	swarmLabel      = "com.docker.ucp.orchestrator.swarm"
	kubernetesLabel = "com.docker.ucp.orchestrator.kubernetes"
)

// orchestration is what orchestrates the cluster, and how that was determined.
type orchestration struct {
	// Swarm reports whether there is positive evidence that the check does not apply.
	Swarm bool
	// How says how it was determined, Reason why the check does not apply.
	How, Reason string
	// Unseen says what could not be determined.
	Unseen string
}

// detectOrchestrator finds out whether the check applies. Missing labels and unreadable nodes prove nothing,
// so it applies then.
func (r Run) detectOrchestrator(ctx context.Context) (orchestration, error) {
	const notApplicable = "Not Applicable: Swarm orchestrates"
	switch r.Settings.Orchestrator {
	case options.Swarm:
		return orchestration{Swarm: true, How: "Swarm: the input ORCHESTRATOR states it", Reason: notApplicable + ", as ORCHESTRATOR states"}, nil
	case options.Kubernetes:
		return orchestration{How: "Kubernetes: the input ORCHESTRATOR states it"}, nil
	}
	nodes, err := r.Kube.Nodes(ctx)
	if ctx.Err() != nil {
		return orchestration{}, context.Cause(ctx)
	}
	if err != nil {
		r.Log.WithError(err).Info("The nodes' labels cannot be seen: taken for Kubernetes")
		return orchestration{
			How:    "taken for Kubernetes: the nodes' labels could not be seen",
			Unseen: fmt.Sprintf("what orchestrates was taken for Kubernetes: the nodes' labels could not be seen (%v)", err),
		}, nil
	}
	if OnlySwarm(nodes) {
		return orchestration{
			Swarm:  true,
			How:    "Swarm: every node carries the label " + swarmLabel + "=true, and none " + kubernetesLabel + "=true",
			Reason: notApplicable + " on every node, as their labels " + swarmLabel + " state",
		}, nil
	}
	return orchestration{How: "Kubernetes: no labels of the nodes state that Swarm orchestrates on all of them"}, nil
}

// OnlySwarm reports whether the nodes' labels state that Swarm orchestrates on all of them.
func OnlySwarm(nodes []corev1.Node) bool {
	for _, n := range nodes {
		if n.Labels[swarmLabel] != "true" || n.Labels[kubernetesLabel] == "true" {
			return false
		}
	}
	return len(nodes) > 0
}
