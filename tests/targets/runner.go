package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

// runner runs targets.
type runner struct {
	// folder is for the output of each target.
	folder string
	// out gets the output of all targets. Each line begins with the name of the target, in prefix columns.
	out    io.Writer
	prefix int
}

// runAll runs the phases until one has a target that fails.
func (r runner) runAll(ctx context.Context, phases []phase) (results []result) {
	for _, p := range phases {
		ended := r.runPhase(ctx, p)
		results = append(results, ended...)
		if failed(ended) != nil {
			return results
		}
	}
	return results
}

// runPhase returns the results of all targets of a phase. It runs all of them, also if some fail.
func (r runner) runPhase(ctx context.Context, p phase) []result {
	var lines sync.Mutex // of out
	var targets, beside []result
	var group sync.WaitGroup
	group.Go(func() {
		for _, target := range p.targets {
			targets = append(targets, r.runTarget(ctx, &lines, target, false))
		}
	})
	group.Go(func() {
		for _, target := range p.beside {
			beside = append(beside, r.runTarget(ctx, &lines, target, true))
		}
	})
	group.Wait()
	return slices.Concat(targets, beside)
}

// stopTimeout is how long a target may take to end after a signal.
const stopTimeout = 5 * time.Minute

// runTarget runs make for one target.
func (r runner) runTarget(ctx context.Context, lines *sync.Mutex, target string, beside bool) (ended result) {
	began := time.Now()
	ended = result{target: target, beside: beside}
	log, err := os.Create(r.log(target))
	if err != nil {
		ended.err = err
		return ended
	}
	output := &prefixed{prefix: fmt.Sprintf("%-*s | ", r.prefix, target), lines: lines, out: r.out}
	cmd := command(ctx, target, beside)
	cmd.Stdout = io.MultiWriter(log, output)
	cmd.Stderr = cmd.Stdout
	if ended.err = cmd.Start(); ended.err == nil {
		ended.err = cmd.Wait()
		ended.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	ended.err = errors.Join(ended.err, log.Close(), output.flush())
	ended.wall = time.Since(began)
	return ended
}

// command returns the command for a target, in a process group of its own. Beside others, it has the lowest priority.
func command(ctx context.Context, target string, beside bool) *exec.Cmd {
	argv := []string{"make", "--no-print-directory", target}
	if beside {
		argv = append([]string{"nice", "-n", "19"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// A signal to make alone does not end the children of a shell that it has started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	return cmd
}

// log returns the file with the output of a target.
func (r runner) log(target string) string { return filepath.Join(r.folder, target+".log") }

// prefixed writes whole lines, each with a prefix, to a writer that it shares with others.
type prefixed struct {
	prefix  string
	pending []byte
	lines   *sync.Mutex
	out     io.Writer
}

func (p *prefixed) Write(content []byte) (int, error) {
	p.pending = append(p.pending, content...)
	end := bytes.LastIndexByte(p.pending, '\n') + 1
	err := p.write(p.pending[:end])
	p.pending = bytes.Clone(p.pending[end:])
	return len(content), err
}

func (p *prefixed) write(text []byte) error {
	var all bytes.Buffer
	for line := range bytes.Lines(text) {
		all.WriteString(p.prefix)
		all.Write(line)
	}
	p.lines.Lock()
	defer p.lines.Unlock()
	_, err := p.out.Write(all.Bytes())
	return err
}

// flush writes a last line that has no end.
func (p *prefixed) flush() error {
	if len(p.pending) == 0 {
		return nil
	}
	err := p.write(append(p.pending, '\n'))
	p.pending = nil
	return err
}

// printFailures prints the last lines of each target that failed. The other targets may have printed more after them.
func (r runner) printFailures(results []result) error {
	const last = 20
	for _, failure := range results {
		if failure.err == nil {
			continue
		}
		file := r.log(failure.target)
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		lines := strings.SplitAfter(string(content), "\n")
		fmt.Fprintf(r.out, "the last lines of %s:\n%s\n", file, strings.Join(lines[max(0, len(lines)-last):], ""))
	}
	return nil
}

// printResults prints the time of each target, and their sums.
func printResults(out io.Writer, results []result, wall time.Duration) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "target\tresult\twall s\tprocessor s\t")
	var sum, processor time.Duration
	for _, r := range results {
		outcome := "passed"
		if r.err != nil {
			outcome = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.0f\t\n", r.target, outcome, r.wall.Seconds(), r.processor.Seconds())
		sum, processor = sum+r.wall, processor+r.processor
	}
	fmt.Fprintf(w, "sum\t\t%.0f\t%.0f\t\n", sum.Seconds(), processor.Seconds())
	fmt.Fprintf(w, "make test\t\t%.0f\t\t\n", wall.Seconds())
	return w.Flush()
}
