//go:build linux

// Command long measures whether a long local run needs more memory at its end than at its beginning. It executes one
// run with many deletions, and samples the resident memory of the experiment, of the writers and of the reader. It
// prints the memory in each quarter of the time of each, the size of the evidence bundle, and how many records and
// deletions the run had. With -ratios, it adds these figures to a file, with their limits. No test depends on it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
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
	ratios                  string
}

func measure(ctx context.Context) (err error) {
	var r longRun
	flag.StringVar(&r.program, "program", "build/local", "the local program")
	flag.StringVar(&r.folder, "dir", os.TempDir(), "folder to write the journal to")
	flag.StringVar(&r.bundle, "bundle", "build/long", "folder for the evidence bundle, which must not exist")
	flag.DurationVar(&r.duration, "duration", 10*time.Minute, "time of chaos")
	flag.DurationVar(&r.interval, "interval", time.Second, "time between two deletions")
	flag.IntVar(&r.recordSize, "record-size", 256, "bytes per record")
	flag.IntVar(&r.rate, "rate", 100, "records per second")
	flag.StringVar(&r.ratios, "ratios", "", "file to add the figures and their limits to; empty for none")
	flag.Parse()
	short := r.shortened()
	defer func() { err = errors.Join(err, os.RemoveAll(short.bundle)) }()
	fmt.Printf("A run with few deletions, to compare its reader with\n")
	shortSamples, err := short.sample(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\nThe long run\n")
	samples, err := r.sample(ctx)
	if err != nil {
		return err
	}
	done, err := inspectBundle(ctx, r.bundle)
	if err != nil {
		return err
	}
	if err := samples.print(os.Stdout); err != nil {
		return err
	}
	done.print(os.Stdout)
	return ratio.Append(r.ratios, append(samples.rows(shortSamples), done.row())...)
}

// shortened returns a run with few deletions. Unless the rate is unlimited, it writes as many records as the long run.
// Its bundle is beside that of the long run.
func (r longRun) shortened() longRun {
	duration := min(r.duration, shortDuration)
	r.rate = int(float64(r.rate) * r.duration.Seconds() / duration.Seconds())
	r.bundle, r.duration, r.interval = r.bundle+"-short", duration, max(r.interval, duration/5)
	return r
}

// shortDuration is the time of chaos of the short run.
const shortDuration = 10 * time.Second

// sample executes the run and samples its memory.
func (r longRun) sample(ctx context.Context) (memorySamples, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(ctx)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", r.program, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	samples, err := sample(cmd.Process.Pid, r.duration, ended, cancel)
	if err != nil {
		return nil, fmt.Errorf("running %s: %w", cmd, err)
	}
	return samples, nil
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
