// Package earlier extracts an earlier state of the project, to compare it with the present one.
package earlier

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Git returns what a git command prints, without spaces at its ends.
func Git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(output)), nil
}

// Extract writes the files of a commit to a new folder.
func Extract(ctx context.Context, commit, folder string) (err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	archive := filepath.Clean(folder) + ".tar"
	if _, err := Git(ctx, "archive", "--output", archive, commit); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(archive)) }()
	return Execute(ctx, ".", "tar", "-xf", archive, "-C", folder)
}

// Execute executes a program in a folder, and shows its output as errors.
func Execute(ctx context.Context, folder, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
