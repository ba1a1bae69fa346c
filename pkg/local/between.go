package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// BetweenCommand is a shell command of the user that runs between two writers, or between the last writer and the
// reader. It may remount the filesystem, restart a server, or switch the power of another machine off and on.
type BetweenCommand struct {
	// Command is run by sh -c. An empty command does nothing.
	Command string
	// Timeout bounds the command. The command and its children are killed then.
	Timeout time.Duration
}

// BetweenState is what the environment tells the command.
type BetweenState struct {
	// Target is the folder or device under test, Folder the run's own folder in it,
	// Journal the journal's path.
	Target, Folder, Journal string
	// Epoch is that of the writer that was killed last. Records counts the
	// acknowledged records of all epochs.
	Epoch   int
	Records uint64
}

// env returns the variables for the command. docs/local.md describes them.
func (s BetweenState) env() []string {
	return []string{
		"VOLUME_DURABILITY_TARGET=" + s.Target,
		"VOLUME_DURABILITY_FOLDER=" + s.Folder,
		"VOLUME_DURABILITY_JOURNAL=" + s.Journal,
		"VOLUME_DURABILITY_EPOCH=" + strconv.Itoa(s.Epoch),
		"VOLUME_DURABILITY_ACKNOWLEDGED=" + strconv.FormatUint(s.Records, 10),
	}
}

// pipeGrace is how long the output of a command is read after the command has ended, because a daemon that it started
// may keep the pipe open.
const pipeGrace = 500 * time.Millisecond

// run runs the command. An error contains the end of its output.
func (c BetweenCommand) run(ctx context.Context, s BetweenState) error {
	if c.Command == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout,
		fmt.Errorf("it did not end within %s (--between-timeout)", c.Timeout))
	defer cancel()
	var output tail
	cmd := exec.CommandContext(ctx, "sh", "-c", c.Command)
	cmd.Env = append(os.Environ(), s.env()...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = pipeGrace
	err := cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil // some commands start a daemon, which keeps the pipe open
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("--between %q: %w%s", c.Command, err, indentedOutput(output.String()))
}

func indentedOutput(output string) string {
	if output == "" {
		return " (no output)"
	}
	return "; its output ends with:\n  " + strings.ReplaceAll(output, "\n", "\n  ")
}

// between runs the user's command.
func (s *execution) between(ctx context.Context) error {
	if s.Between.Command == "" {
		return nil
	}
	s.begin(result.Between)
	s.watchUnmount()
	s.betweenRan = true
	s.Log.WithField("command", s.Between.Command).Info("Running the command of --between")
	return s.Between.run(ctx, BetweenState{
		Target: s.Target.Path, Folder: s.Target.Folder(), Journal: s.Target.Journal,
		Epoch: s.cell.Writers(), Records: s.ledger.Records(),
	})
}
