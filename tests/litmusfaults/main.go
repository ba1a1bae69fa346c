// Command faults runs faults of litmus-go in the Jobs of ChaosEngines, as Litmus's own
// image does. The end-to-end tests use it to test the command probes in other faults.
package main

import (
	"fmt"
	"os"

	restart "github.com/litmuschaos/litmus-go/experiments/generic/node-restart/experiment"
	autoscaler "github.com/litmuschaos/litmus-go/experiments/generic/pod-autoscaler/experiment"
	deletion "github.com/litmuschaos/litmus-go/experiments/generic/pod-delete/experiment"
	"github.com/litmuschaos/litmus-go/pkg/clients"
)

func main() {
	if err := run(os.Getenv("EXPERIMENT_NAME")); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// run executes a fault by name. The fault writes its outcome into its ChaosResult.
func run(name string) error {
	faults := map[string]func(clients.ClientSets){
		"node-restart":   restart.NodeRestart,
		"pod-autoscaler": autoscaler.PodAutoscaler,
		"pod-delete":     deletion.PodDelete,
	}
	fault, known := faults[name]
	if !known {
		return fmt.Errorf("unknown fault %q", name)
	}
	var c clients.ClientSets
	if err := c.GenerateClientSetFromKubeConfig(); err != nil {
		return fmt.Errorf("creating clients for %s: %w", name, err)
	}
	fault(c)
	return nil
}
