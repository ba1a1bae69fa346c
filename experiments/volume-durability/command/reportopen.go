package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/advice"
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
		return r.open(c.Context(), bundles, args)
	}
	return c
}

// open opens the report page with the program that the system has for it. If that fails, it leaves nothing behind and
// says how to get at the page.
func (r *reportCommand) open(ctx context.Context, bundles []loadedBundle, args []string) error {
	program := openCommand(runtime.GOOS)
	file := existing(filepath.Join(bundles[0].from, pageFile))
	if len(bundles) > 1 {
		file = ""
	}
	if _, err := exec.LookPath(program[0]); err != nil {
		return fmt.Errorf("there is no program that opens pages: %w%s", err,
			advice.After(err.Error(), r.withoutBrowser(file, args)))
	}
	folder := ""
	if file == "" {
		var err error
		if folder, err = writeTemporaryPage(bundles); err != nil {
			return err
		}
		file = filepath.Join(folder, pageFile)
	}
	style.Fprintf(r.streams.ErrOut, "Opening %s\n", style.Whole(file))
	output, err := exec.CommandContext(ctx, program[0], append(program[1:], file)...).CombinedOutput()
	if err == nil {
		return nil
	}
	if folder != "" {
		err = errors.Join(err, os.RemoveAll(folder))
		file = ""
	}
	reason := strings.TrimSpace(string(output))
	reason = reason[strings.LastIndex(reason, "\n")+1:] // before it, xdg-open lists all browsers that it has not found
	if reason != "" {
		reason = ": " + reason
	}
	return fmt.Errorf("%s could not open the page: %w%s%s", program[0], err, reason,
		advice.Sentence(r.withoutBrowser(file, args)))
}

// withoutBrowser returns what to do if there is no browser. File is the page; empty if it is in no file.
func (r *reportCommand) withoutBrowser(file string, args []string) string {
	if file != "" {
		if absolute, err := filepath.Abs(file); err == nil {
			file = absolute
		}
		return "open this file in a browser: " + file
	}
	command := "volume-durability report"
	if *r.cluster.Namespace != "" {
		command += " -n " + *r.cluster.Namespace
	}
	for _, arg := range args {
		command += " " + arg
	}
	return "write the page to a file, and open that in a browser: " + command + r.cluster.kubectlFlags() +
		" -o html --to report.html"
}

// writeTemporaryPage writes a page to a temporary folder, and returns the folder. It stays if a browser shows the page:
// the browser may read it at any time.
func writeTemporaryPage(bundles []loadedBundle) (folder string, err error) {
	content, err := renderPage(bundles)
	if err != nil {
		return "", fmt.Errorf("rendering the page of %s: %w", bundles[0].from, err)
	}
	if folder, err = os.MkdirTemp("", folderPrefix); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, pageFile), content, 0o600); err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	return folder, nil
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
