// Package command is the command line: what a person at a terminal can ask for, one
// file a command, and the experiment in the Job of a ChaosEngine. Both make a run of
// the same inputs by the same code (see task), and leave the same result.
//
// It reads arguments and says outcomes. How a run works, what a verdict is and what a
// bundle holds is known elsewhere.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Streams are the three that a command has.
type Streams = genericiooptions.IOStreams

// The codes that the program ends with.
const (
	Kept        = 0   // the storage kept what it had promised; or a command did what it was asked to
	Lost        = 1   // it did not: there is a finding
	Unknown     = 2   // nobody can tell, or the arguments are wrong
	Interrupted = 130 // a signal ended it, as shells have it
)

// exit is the code to end with. Err is nil where all has been said.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// Execute does what the arguments ask for, the program's name among them, and returns
// the code to end with.
func Execute(args []string, streams Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := newRoot(args[0], streams)
	root.SetArgs(args[1:])
	return codeOf(root.ExecuteContext(ctx), ctx, streams)
}

// codeOf says what went wrong, if anything did, and returns the code that means it.
func codeOf(err error, ctx context.Context, streams Streams) int {
	if err == nil {
		return Kept
	}
	var ended *exit
	if !errors.As(err, &ended) {
		ended = &exit{Unknown, err}
		if ctx.Err() != nil {
			ended.code = Interrupted
		}
	}
	if ended.err != nil {
		for line := range strings.Lines(ended.err.Error()) {
			fmt.Fprintln(streams.ErrOut, "error:", strings.TrimSuffix(line, "\n"))
		}
	}
	return ended.code
}

// newRoot is the command of all commands.
func newRoot(program string, streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "volume-durability",
		Short: "Does this Kubernetes storage keep what a pod was told is safe, when the pod is deleted?",
		Long: `Does this Kubernetes storage keep what a pod was told is safe, when the pod is deleted?

A pod writes to a volume and is told which records are safe. It is deleted, again and
again, while it writes. Another pod reads the volume back: every record must be there.

Exit codes: 0 kept, 1 lost, 2 could not tell (or wrong arguments), 130 interrupted.`,
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
		newRun(streams), newReport(streams), newVerify(streams), newDoctor(streams), newCleanup(streams), newVersion(streams), newExperiment(streams),
	)
	complete(root)
	return root
}

// noArguments refuses what stands behind a command's flags, and says what may have been meant.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.Flags().Lookup("force") == nil {
		return fmt.Errorf("unexpected argument %q: want flags only", args[0])
	}
	return fmt.Errorf("unexpected argument %q: want flags only, and the values of those that are true or false as in --force=%s", args[0], args[0])
}
