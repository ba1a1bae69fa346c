package run

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// Labels that Mirantis Kubernetes Engine sets to show the orchestrator of a node.
const (
	swarmLabel      = "com.docker.ucp.orchestrator.swarm"
	kubernetesLabel = "com.docker.ucp.orchestrator.kubernetes"
)

// orchestration is the orchestrator of the cluster, and how it was determined.
type orchestration struct {
	// Swarm reports whether there is positive evidence that the check does not apply.
	Swarm bool
	// How is how the orchestrator was determined. Reason is why the check does not apply.
	How, Reason string
	// NotShown is what could not be determined; empty if nothing.
	NotShown string
}

// detectOrchestrator finds out whether the check applies. If labels are missing or nodes cannot be
// read, the check applies.
func (r Run) detectOrchestrator(ctx context.Context) (orchestration, error) {
	const notApplicable = "Not Applicable: the orchestrator is Swarm"
	switch r.Options.Orchestrator {
	case options.Swarm:
		return orchestration{
			Swarm:  true,
			How:    "Swarm: set by the option ORCHESTRATOR",
			Reason: notApplicable + ", according to the option ORCHESTRATOR",
		}, nil
	case options.Kubernetes:
		return orchestration{How: "Kubernetes: set by the option ORCHESTRATOR"}, nil
	}
	nodes, err := r.Kube.Nodes(ctx)
	if ctx.Err() != nil {
		return orchestration{}, context.Cause(ctx)
	}
	if err != nil {
		r.Log.WithError(err).Info("Could not read the node labels; assuming Kubernetes")
		const assumed = "assumed to be Kubernetes: the nodes' labels could not be read"
		return orchestration{How: assumed, NotShown: fmt.Sprintf("the orchestrator was %s (%v)", assumed, err)}, nil
	}
	if OnlySwarm(nodes) {
		return orchestration{
			Swarm:  true,
			How:    "Swarm: every node has the label " + swarmLabel + "=true, and none has " + kubernetesLabel + "=true",
			Reason: notApplicable + ", according to the label " + swarmLabel + " of every node",
		}, nil
	}
	return orchestration{How: "Kubernetes: not every node is labelled as a Swarm-only node"}, nil
}

// OnlySwarm reports whether every node has the label of Swarm and none has that of Kubernetes.
func OnlySwarm(nodes []corev1.Node) bool {
	for _, n := range nodes {
		if n.Labels[swarmLabel] != "true" || n.Labels[kubernetesLabel] == "true" {
			return false
		}
	}
	return len(nodes) > 0
}
