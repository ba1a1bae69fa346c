// Command volume-durability tells whether Kubernetes storage keeps what a pod was
// told is safe: for a person at a terminal, and as the experiment in the Job that
// chaos-runner makes for a ChaosEngine. Named kubectl-durability it is kubectl durability.
package main

import (
	"os"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/command"
)

func main() {
	os.Exit(command.Execute(os.Args, genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}))
}
