// Package command implements the command line: one file for each command that a user
// runs at a terminal, and the experiment that runs in the Job of a ChaosEngine. Both
// build a runSpec from the same options and produce the same result.
//
// The package parses arguments and prints results. Other packages know how a run works,
// how a verdict is reached and what a bundle contains.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Streams are the standard streams of a command.
type Streams = genericiooptions.IOStreams

// The exit codes of the program.
const (
	ExitOK          = 0   // the verdict is Pass, or the command did what it was asked to do
	ExitFail        = 1   // the verdict is Fail
	ExitError       = 2   // the verdict is Error or N/A, or the command failed
	ExitInterrupted = 130 // the run was stopped, or a signal ended the command, as in shells
)

// exitError makes the program end with a code. Its err is nil if everything has been
// printed already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// Execute runs the command that the arguments name, the first of which is the name of
// the program, and returns the exit code.
func Execute(args []string, streams Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := newRoot(args[0], streams)
	root.SetArgs(args[1:])
	return reportError(ctx, root.ExecuteContext(ctx), streams.ErrOut)
}

// reportError prints the error of a command, if it has one, and returns the exit code.
func reportError(ctx context.Context, err error, out io.Writer) int {
	if err == nil {
		return ExitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{ExitError, err}
		if ctx.Err() != nil {
			exit.code = ExitInterrupted
		}
	}
	if exit.err != nil {
		for line := range strings.Lines(exit.err.Error()) {
			fmt.Fprintln(out, "error:", strings.TrimSuffix(line, "\n"))
		}
	}
	return exit.code
}

// newRoot returns the root command.
func newRoot(program string, streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "volume-durability",
		Short: "Test whether Kubernetes storage keeps acknowledged data when a pod is deleted",
		Long: `Test whether Kubernetes storage keeps acknowledged data when a pod is deleted.

A writer pod appends records to a volume and reports which of them are on stable
storage: these are acknowledged. While it writes, it is deleted and replaced several
times. Then a reader pod reads the volume back. Every acknowledged record must be there.

Exit codes:
  0    the verdict is Pass, or the command succeeded
  1    the verdict is Fail: acknowledged data was lost or damaged
  2    the verdict is Error or N/A, or the command failed
  130  the run was stopped, or the command was interrupted`,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	if strings.HasPrefix(filepath.Base(program), "kubectl-") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl durability"}
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.AddCommand(
		newRun(streams), newReport(streams), newVerify(streams), newDoctor(streams), newCleanup(streams),
		newVersion(streams), newExperiment(streams),
	)
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
