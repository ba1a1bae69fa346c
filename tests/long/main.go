//go:build linux

// Command long measures whether a long local run needs more memory at its end than at its beginning. It executes one
// run with many deletions, and samples the resident memory of the experiment, of the writers and of the reader. It
// prints the memory in each quarter of the run, and the size of the evidence bundle. No test depends on it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "long:", err)
		stop()
		os.Exit(1)
	}
}

// longRun is the run to measure.
type longRun struct {
	program, folder, bundle string
	duration, interval      time.Duration
	recordSize, rate        int
}

func measure(ctx context.Context) error {
	var r longRun
	flag.StringVar(&r.program, "program", "build/local", "the local program")
	flag.StringVar(&r.folder, "dir", os.TempDir(), "folder to write the journal to")
	flag.StringVar(&r.bundle, "bundle", "build/long", "folder for the evidence bundle, which must not exist")
	flag.DurationVar(&r.duration, "duration", 10*time.Minute, "time of chaos")
	flag.DurationVar(&r.interval, "interval", time.Second, "time between two deletions")
	flag.IntVar(&r.recordSize, "record-size", 256, "bytes per record")
	flag.IntVar(&r.rate, "rate", 100, "records per second")
	flag.Parse()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(ctx)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", r.program, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	samples, err := sample(cmd.Process.Pid, ended, cancel)
	if err != nil {
		return fmt.Errorf("running %s: %w", cmd, err)
	}
	bundle, err := compressedSize(ctx, r.bundle)
	return errors.Join(err, samples.print(os.Stdout, bundle))
}

// command returns the command of the run. Its log and its report are shown.
func (r longRun) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program, r.folder,
		"--total-chaos-duration", r.duration.String(), "--chaos-interval", r.interval.String(), "--bundle", r.bundle,
		"--record-size", strconv.Itoa(r.recordSize), "--write-rate", strconv.Itoa(r.rate), "--verify-timeout", "1h")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// compressedSize returns the length in bytes of a folder as a tar file, compressed with gzip.
func compressedSize(ctx context.Context, folder string) (int, error) {
	var size counter
	tar := exec.CommandContext(ctx, "tar", "-czf", "-", "-C", filepath.Dir(folder), filepath.Base(folder))
	tar.Stdout = &size
	if err := tar.Run(); err != nil {
		return 0, fmt.Errorf("compressing %s: %w", folder, err)
	}
	return int(size), nil
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
