package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/sirupsen/logrus"
)

// Remote runs the reader on another machine by a command prefix, for example "ssh other".
type Remote struct {
	// Prefix is the command that runs its arguments there, split at white space.
	Prefix []string
	// Helper is the helper's path there. If it is empty, Executable is copied there.
	Helper string
	// Executable is a program of this machine that runs as the helper with HelperArgs.
	Executable string
	HelperArgs []string
}

func (r Remote) String() string { return strings.Join(r.Prefix, " ") }

// plainWord is what survives every shell on the way: ssh joins its arguments and
// gives them to a shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]*$`)

// CheckPath returns an error if a path cannot be passed through the prefix.
func (r Remote) CheckPath(path string) error {
	if plainWord.MatchString(path) {
		return nil
	}
	return fmt.Errorf("--remote: want a path of letters, digits and _@%%+=:,./- only, got %q: remote shells split others", path)
}

// helper returns the command that runs the helper there, and copies it there if needed.
// done removes the copy. No command needs a shell there: some prefixes start one (ssh),
// others do not (docker exec, nsenter).
func (r Remote) helper(
	ctx context.Context, id string, log logrus.FieldLogger,
) (command []string, done func(), err error) {
	if r.Helper != "" {
		return r.command(r.Helper), func() {}, nil
	}
	copied := "/tmp/durability-helper-" + id
	done = func() {
		// The run may have been interrupted: the copy goes all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		if err := r.do(ctx, nil, "rm", "-f", copied); err != nil {
			log.WithError(err).Warnf("Could not remove the copy %s of the helper from %s", copied, r)
		}
	}
	if err := r.copy(ctx, copied); err != nil {
		done()
		return nil, nil, fmt.Errorf("copying the helper to %s: %w", r, err)
	}
	return append(r.command(copied), r.HelperArgs...), done, nil
}

// copy copies the executable there and makes it executable.
func (r Remote) copy(ctx context.Context, path string) error {
	program, err := os.Open(r.Executable)
	if err != nil {
		return err
	}
	defer func() { _ = program.Close() }() // it was only read
	if err := r.do(ctx, program, "tee", path); err != nil {
		return err
	}
	return r.do(ctx, nil, "chmod", "0755", path)
}

// do runs a command there and discards its output.
func (r Remote) do(ctx context.Context, stdin io.Reader, command ...string) error {
	var stderr tail
	all := append(append([]string{}, r.Prefix...), command...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", command[0], err, stderr.String())
	}
	return nil
}

func (r Remote) command(program string) []string {
	return append(append([]string{}, r.Prefix...), program)
}
