// Command targets runs the make targets of make test. Each argument is a phase: targets that run one after another, and
// behind & others that run beside them at the lowest priority. A phase starts when all targets of the phase before it
// have passed. Each line of output has the name of its target, and build/test has the output of each target.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "targets:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("targets", flag.ContinueOnError)
	folder := flags.String("folder", "build/test", "folder for the output of each target")
	apart := flags.Bool("apart", false, "run all targets one after another at normal priority, to compare the times")
	ratios := flags.String("ratios", "", "file to add the ratio of the wall time to; empty for none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	phases, err := parse(flags.Args())
	if err != nil {
		return err
	}
	if *apart {
		phases = oneAfterAnother(phases)
	}
	if err := os.MkdirAll(*folder, 0o755); err != nil {
		return err
	}
	began := time.Now()
	r := runner{folder: *folder, out: os.Stdout, prefix: width(phases)}
	results := r.runAll(ctx, phases)
	wall := time.Since(began)
	if err := r.printFailures(results); err != nil {
		return err
	}
	if err := printResults(os.Stdout, results, wall); err != nil {
		return err
	}
	if failures := failed(results); failures != nil || *apart {
		return failures
	}
	return ratio.Append(*ratios, wallTime(results, wall))
}

// phase is a part of the run. Its two lists of targets run side by side.
type phase struct {
	// targets run one after another.
	targets []string
	// beside do so too, at the lowest priority.
	beside []string
}

// parse reads phases such as "unit & lint formats".
func parse(args []string) ([]phase, error) {
	var phases []phase
	for _, arg := range args {
		targets, beside, _ := strings.Cut(arg, "&")
		p := phase{strings.Fields(targets), strings.Fields(beside)}
		if len(p.targets) == 0 {
			return nil, fmt.Errorf("phase %q has no target before the &", arg)
		}
		phases = append(phases, p)
	}
	if len(phases) == 0 {
		return nil, errors.New("no phase: want arguments such as 'e2e & lint unit'")
	}
	return phases, nil
}

// oneAfterAnother returns phases with the same targets, but none beside others.
func oneAfterAnother(phases []phase) []phase {
	var all []phase
	for _, p := range phases {
		for _, target := range slices.Concat(p.targets, p.beside) {
			all = append(all, phase{targets: []string{target}})
		}
	}
	return all
}

// width returns the length of the longest name.
func width(phases []phase) int {
	longest := 0
	for _, p := range phases {
		for _, target := range slices.Concat(p.targets, p.beside) {
			longest = max(longest, len(target))
		}
	}
	return longest
}

// result describes a target that has ended.
type result struct {
	target string
	// beside reports whether the target had the lowest priority.
	beside bool
	wall   time.Duration
	// processor is the time of the processes that the target waited for. The programs of the test cluster are not
	// among them.
	processor time.Duration
	err       error
}

// failed returns an error that names the targets that failed.
func failed(results []result) error {
	var all []error
	for _, r := range results {
		if r.err != nil {
			all = append(all, fmt.Errorf("make %s: %w", r.target, r.err))
		}
	}
	return errors.Join(all...)
}

// wallTime compares the wall time with the sum of the times of the targets. Beside others, a target takes longer than
// alone, so the ratio is lower than that to the time with -apart.
func wallTime(results []result, wall time.Duration) ratio.Row {
	var sum time.Duration
	for _, r := range results {
		sum += r.wall
	}
	return ratio.Row{
		Area: "Build and test", Measured: "make test, wall time", Peer: "sum of the times of its targets, side by side",
		Unit: "s", Value: wall.Seconds(), PeerValue: sum.Seconds(), AtMost: 0.8,
	}.OfValues()
}
