package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// errDeclined says that nobody agreed.
var errDeclined = errors.New("not agreed to: nothing was touched")

// confirm asks, and returns once somebody has agreed. Where nobody can be asked it is
// an error that says so.
func confirm(ctx context.Context, streams Streams, question string) error {
	file, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return errors.New("standard input is no terminal, so nobody can be asked: --yes goes ahead without asking")
	}
	fmt.Fprintf(streams.ErrOut, "\n%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(file).ReadString('\n') // no answer is no agreement
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(streams.ErrOut)
		return &exit{Interrupted, errDeclined}
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return errDeclined
	}
}
