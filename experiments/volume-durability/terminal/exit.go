package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
)

// The exit codes of the program.
const (
	ExitOK          = 0   // the verdict is Pass, or the command did what it was asked to do
	ExitFail        = 1   // the verdict is Fail
	ExitError       = 2   // the verdict is Error or N/A, or the command failed
	ExitInterrupted = 130 // a signal ended the command, as in shells
)

// Exit is an error that makes the program end with a code. Err is nil if everything has been
// printed already.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Exit) Unwrap() error { return e.Err }

// ReportError prints the error of a command, if it has one, and returns the exit code.
func ReportError(ctx context.Context, err error, out io.Writer) int {
	if err == nil {
		return ExitOK
	}
	var exit *Exit
	if !errors.As(err, &exit) {
		exit = &Exit{ExitError, err}
		if ctx.Err() != nil {
			exit.Code = ExitInterrupted
		}
	}
	if exit.Err != nil {
		for line := range strings.Lines(exit.Err.Error()) {
			style.Fprintf(out, "error: %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	return exit.Code
}

// ExitCode returns the exit code of a verdict.
func ExitCode(verdict judge.Verdict) int {
	switch verdict {
	case judge.Pass:
		return ExitOK
	case judge.Fail:
		return ExitFail
	case judge.Stopped:
		return ExitInterrupted
	default:
		return ExitError
	}
}

// ExitWith returns the exit code of a run as an error, nil for ExitOK. Err is why a part of its output or of its
// evidence could not be written. Such a run never exits with ExitOK.
func ExitWith(verdict judge.Verdict, err error) error {
	code := ExitCode(verdict)
	if code == ExitOK {
		if err == nil {
			return nil
		}
		code = ExitError
	}
	return &Exit{Code: code, Err: err}
}
