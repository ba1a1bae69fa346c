package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

func (r *reportCommand) newOpen() *cobra.Command {
	c := &cobra.Command{
		Use: "open [RUN | FOLDER | FILE]...", Short: "Open the report page of one or more runs in the browser",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: bundleNames,
	}
	cluster := newClusterFlags()
	terminal.AddFlagGroups(c, clusterGroup(cluster))
	c.RunE = func(c *cobra.Command, args []string) error {
		r.cluster = cluster
		bundles, err := r.loadAll(c.Context(), args)
		if err != nil {
			return err
		}
		return r.open(c.Context(), bundles)
	}
	return c
}

// open opens the report page with the program that the system has for it.
func (r *reportCommand) open(ctx context.Context, bundles []loadedBundle) error {
	file := filepath.Join(bundles[0].from, pageFile)
	if _, err := os.Stat(file); err != nil || len(bundles) > 1 {
		if file, err = writeTemporaryPage(bundles); err != nil {
			return err
		}
	}
	fmt.Fprintln(r.streams.ErrOut, "Opening", file)
	program := openCommand(runtime.GOOS)
	output, err := exec.CommandContext(ctx, program[0], append(program[1:], file)...).CombinedOutput()
	if err != nil {
		lines := strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' })
		return fmt.Errorf("opening %s with %s: %w: %s", file, program[0], err, strings.Join(lines, "; "))
	}
	return nil
}

// writeTemporaryPage writes a page to a temporary folder, which stays: the browser may
// read the page at any time.
func writeTemporaryPage(bundles []loadedBundle) (file string, err error) {
	content, err := renderPage(bundles)
	if err != nil {
		return "", fmt.Errorf("rendering the page of %s: %w", bundles[0].from, err)
	}
	folder, err := os.MkdirTemp("", "volume-durability-")
	if err != nil {
		return "", err
	}
	file = filepath.Join(folder, pageFile)
	return file, os.WriteFile(file, content, 0o600)
}

// openCommand returns the command that opens a file on an operating system.
func openCommand(system string) []string {
	switch system {
	case "darwin":
		return []string{"open"}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	default:
		return []string{"xdg-open"}
	}
}
