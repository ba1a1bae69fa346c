// Command faults runs faults of litmus-go itself in the Jobs of ChaosEngines, as
// Litmus's own image does. It is for tests only: what is ours must work in faults
// that are not. It has those that need nothing but the API server.
package main

import (
	"fmt"
	"os"

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

// run carries out the fault of a name. What came of it is in its ChaosResult.
func run(name string) error {
	faults := map[string]func(clients.ClientSets){
		"pod-autoscaler": autoscaler.PodAutoscaler,
		"pod-delete":     deletion.PodDelete,
	}
	fault, known := faults[name]
	if !known {
		return fmt.Errorf("no fault is called %q", name)
	}
	var c clients.ClientSets
	if err := c.GenerateClientSetFromKubeConfig(); err != nil {
		return fmt.Errorf("making clients for %s: %w", name, err)
	}
	fault(c)
	return nil
}
