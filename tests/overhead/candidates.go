package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"

	"github.com/volume-durability/volume-durability/tests/bench/earlier"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

const (
	// earlierImage is the reference of the image of the earlier commit. It is loaded into the test cluster.
	earlierImage = "volume-durability.test/volume-durability:earlier"
	clusterTool  = "build/cluster"
	// victimClass is a StorageClass without attachments: Litmus places the pods of command probes on any node.
	victimClass = "shared"
	// experiment and podDelete are the names of two ChaosExperiments.
	experiment = "volume-durability"
	podDelete  = "pod-delete"
	// readerNode is the option READER_NODE of each run. With its default, some readers need the volume to be attached
	// to another node, and others do not.
	readerNode = "other"
)

// chaosSeconds is the chaos as the value of an option.
var chaosSeconds = strconv.Itoa(int(chaosDuration.Seconds()))

// loadEarlier builds an earlier commit and loads its image into the test cluster. It returns its command line.
func loadEarlier(ctx context.Context, dir, commit string) (program string, err error) {
	tree, image := filepath.Join(dir, "tree"), filepath.Join(dir, "image.tar")
	if err := earlier.Extract(ctx, commit, tree); err != nil {
		return "", err
	}
	built := filepath.Join(tree, "build", "image")
	for _, command := range [][]string{
		{"make", "--no-print-directory", "-s", "-C", tree, "binaries", "BIN=build/image/out"},
		{clusterTool, "image", "--dockerfile", filepath.Join(tree, "Dockerfile"), "--from", built, earlierImage, image},
		{clusterTool, "load", "--machines=false", earlierImage, image},
	} {
		if err := earlier.Execute(ctx, ".", command[0], command[1:]...); err != nil {
			return "", err
		}
	}
	return filepath.Join(built, "out", "volume-durability"), nil
}

// terminalRun is a run with the command line of a build.
func terminalRun(name, kubeconfig, program, class, image string) *candidate {
	run := func(ctx context.Context, ns *chaosengine.Namespace) error {
		cmd := exec.CommandContext(ctx, program, "run", "--yes", "--kubeconfig", kubeconfig, "-n", ns.Name,
			"--storage-class", class, "--reader-node", readerNode, "--lib-image", image,
			"--total-chaos-duration", chaosSeconds)
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, &output)
		}
		return nil
	}
	return &candidate{name: name, level: chaosengine.Restricted, run: run}
}

// engineRun is a run from the creation of a ChaosEngine to its verdict. last is set to what the run did.
func engineRun(class string, last *lastRun) *candidate {
	engine := chaosengine.Engine{Name: chaosengine.EngineName, Env: map[string]string{
		"STORAGE_CLASS": class, "READER_NODE": readerNode,
		"TOTAL_CHAOS_DURATION": chaosSeconds, "CHAOS_INTERVAL": chaosSeconds,
	}}
	return &candidate{
		name: "run from a ChaosEngine", level: chaosengine.Restricted, inspect: last.read,
		run: func(ctx context.Context, ns *chaosengine.Namespace) error {
			last.engineCreated = time.Now()
			if err := ns.Start(ctx, engine); err != nil {
				return err
			}
			return awaitPass(ctx, ns, chaosengine.EngineName, experiment)
		},
	}
}

// podDeleteWithProbes is pod-delete of litmus-go with command probes, from the creation of its ChaosEngine to the
// verdict. Its victim runs already.
func podDeleteWithProbes(probes []chaosv1alpha1.ProbeAttributes, image string) *candidate {
	fault := chaosengine.Fault{
		Name:       podDelete,
		Env:        map[string]string{"TOTAL_CHAOS_DURATION": chaosSeconds, "CHAOS_INTERVAL": chaosSeconds},
		Attributes: chaosv1alpha1.ExperimentAttributes{Probe: probes},
	}
	return &candidate{
		name: "pod-delete of litmus-go with two command probes", level: chaosengine.Baseline,
		prepare: func(ctx context.Context, ns *chaosengine.Namespace) error {
			if err := ns.CreateVictim(ctx, victimClass, chaosengine.VictimDeployment(image)); err != nil {
				return err
			}
			return ns.AwaitAvailable(ctx, chaosengine.Victim)
		},
		run: func(ctx context.Context, ns *chaosengine.Namespace) error {
			if err := ns.StartFault(ctx, fault); err != nil {
				return err
			}
			return awaitPass(ctx, ns, chaosengine.EngineName, podDelete)
		},
	}
}

// awaitPass waits for the verdict of an engine. It returns an error if it is not Pass.
func awaitPass(ctx context.Context, ns *chaosengine.Namespace, engine, fault string) error {
	got, err := ns.AwaitFault(ctx, engine, fault)
	if err != nil {
		return err
	}
	if verdict := got.Status.ExperimentStatus.Verdict; verdict != chaosv1alpha1.ResultVerdictPassed {
		log, _ := ns.Log(ctx, engine) // only details
		return fmt.Errorf("the verdict is %s\n%s", verdict, log)
	}
	return nil
}
