// Command volume-durability tests whether Kubernetes storage keeps acknowledged data when
// a pod is deleted. Users run it at a terminal; chaos-runner runs it as the experiment of
// a ChaosEngine. As kubectl-durability on the PATH, it is the plugin kubectl durability.
package main

import (
	"os"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/command"
)

func main() {
	os.Exit(command.Execute(os.Args, genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}))
}
