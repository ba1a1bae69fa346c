package command

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

// errDeclined is the error of a user who did not confirm.
var errDeclined = errors.New("not confirmed: nothing was changed")

// confirm asks the user a question and returns nil if the answer is yes.
func confirm(ctx context.Context, streams Streams, question string) error {
	file, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return errors.New("cannot ask for confirmation: standard input is not a terminal; to skip it, use --yes")
	}
	style.Fprintf(streams.ErrOut, "\n%s [y/N] ", question)
	// At the end of input there is no answer, which means no.
	answer, err := await(ctx, func() (string, error) {
		line, _ := bufio.NewReader(file).ReadString('\n')
		return line, nil
	})
	if err != nil {
		style.Fprintf(streams.ErrOut, "\n")
		return &terminal.Exit{Code: terminal.ExitInterrupted, Err: errDeclined}
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
