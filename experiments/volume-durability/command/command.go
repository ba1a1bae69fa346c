// Package command implements the command line: one file for each command that a user
// runs at a terminal, and the experiment that runs in the Job of a ChaosEngine. Both
// build a runSpec from the same options and produce the same result.
//
// The package parses arguments and prints results. Other packages know how a run works,
// how a verdict is reached and what a bundle contains.
package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/localcmd"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

// Streams are the standard streams of a command.
type Streams = genericiooptions.IOStreams

// Execute runs the command that the arguments name, the first of which is the name of
// the program, and returns the exit code.
func Execute(args []string, streams Streams) int {
	ctx, stop := terminal.NotifyContext(context.Background())
	defer stop()
	root := newRoot(args[0], streams)
	root.SetArgs(args[1:])
	return terminal.ReportError(ctx, root.ExecuteContext(ctx), streams.ErrOut)
}

// newRoot returns the root command.
func newRoot(program string, streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "volume-durability",
		Short: "Test whether Kubernetes storage keeps acknowledged data when a pod is deleted",
		Long: `Test whether Kubernetes storage keeps acknowledged data when a pod is deleted.

A writer pod appends records to a volume and reports which of them are on stable
storage: these are acknowledged. The writer pod is deleted and replaced several times
while it writes. Then a reader pod reads the volume back. Every acknowledged record must
be there.

Exit codes:
  0    the verdict is Pass, or the command succeeded
  1    the verdict is Fail: acknowledged data was lost or damaged, the volume could no longer
       be used, or a threshold was not met
  2    the verdict is Error or N/A, or the command failed
  130  the run was stopped, or the command was interrupted`,
		SilenceErrors: true, SilenceUsage: true,
		Args: terminal.SubcommandOnly,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	if strings.HasPrefix(filepath.Base(program), "kubectl-") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl durability"}
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.Version = newVersionInfo().Version
	root.SetVersionTemplate(newVersionInfo().text())
	root.SetFlagErrorFunc(terminal.SuggestFlags)
	root.AddCommand(
		newRun(streams), newReport(streams), newVerify(streams), newDoctor(streams), newCleanup(streams),
		newVersion(streams), newExperiment(streams),
		localcmd.New(streams.Out, streams.ErrOut, "local"),
	)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Short = "Generate the shell completion script"
		completion.Long = completion.Short + ".\nThe help of each subcommand describes how to use the script."
	}
	registerCompletions(root)
	return root
}

// flagsOnly rejects positional arguments and suggests what may have been meant.
func flagsOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.Flags().Lookup("force") == nil {
		return fmt.Errorf("unexpected argument %q: %s accepts flags only", args[0], c.CommandPath())
	}
	return fmt.Errorf("unexpected argument %q: %s accepts flags only; set a boolean flag with =, as in --force=%s",
		args[0], c.CommandPath(), args[0])
}
