// Command before compares the write pattern append with an earlier state of the project. It compiles the same
// measurements with both, takes each of them in turn many times, and prints the ratio of their rates.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/volume-durability/volume-durability/tests/bench/earlier"
	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

const (
	// measurement is the folder of the program that measures.
	measurement = "tests/bench/append"
	// notSlower is the ratio of a rate that is not slower than the earlier one. Two executions of the same build differ
	// by up to 3 %.
	notSlower = 0.97
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "before:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("before", flag.ContinueOnError)
	commit := flags.String("commit", "", "commit to compare with; empty for the last one without write patterns")
	folder := flags.String("folder", os.TempDir(), "folder on the filesystem to measure")
	size := flags.Int("size", 16, "size of each journal, in MiB")
	rounds := flags.Int("rounds", 10, "number of times to measure everything after each start")
	starts := flags.Int("starts", 20, "number of times to start the programs: where their memory is changes their rates")
	only := flags.String("only", "", "take only the measurements whose name contains this text")
	ratios := flags.String("ratios", "", "file to add the ratios to; empty for none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *size < 1 || *rounds < 1 || *starts < 1 {
		return errors.New("-size, -rounds and -starts must be at least 1")
	}
	before, err := resolve(ctx, *commit)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "before")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	programs := []string{filepath.Join(dir, "earlier"), filepath.Join(dir, "now")}
	if err := errors.Join(buildEarlier(ctx, dir, before, programs[0]), build(ctx, ".", programs[1])); err != nil {
		return err
	}
	journals, err := os.MkdirTemp(*folder, "before")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(journals)) }()
	rates := []map[string][]float64{{}, {}}
	order := []int{0, 1}
	for n := range *starts {
		fmt.Fprintf(os.Stderr, "start %d of %d\n", n+1, *starts)
		c := comparison{programs: programs, order: order, only: *only, rates: rates}
		if err := c.measure(ctx, *rounds, "-folder", journals, "-size", fmt.Sprint(*size)); err != nil {
			return err
		}
		slices.Reverse(order)
	}
	return printRatios(before, rates, *ratios)
}

// resolve returns the commit to compare with.
func resolve(ctx context.Context, commit string) (string, error) {
	if commit == "" {
		list, err := earlier.Git(ctx, "log", "--reverse", "--format=%H", "--", "pkg/pattern")
		if err != nil {
			return "", err
		}
		first, _, _ := strings.Cut(list, "\n")
		commit = first + "^"
	}
	return earlier.Git(ctx, "rev-parse", commit)
}

// buildEarlier compiles the measurement of this state of the project with the packages of an earlier one.
func buildEarlier(ctx context.Context, dir, commit, program string) error {
	tree := filepath.Join(dir, "tree")
	if err := earlier.Extract(ctx, commit, tree); err != nil {
		return err
	}
	copied := filepath.Join(tree, measurement) // the earlier state may have another version of it
	if err := errors.Join(os.RemoveAll(copied), os.CopyFS(copied, os.DirFS(measurement))); err != nil {
		return err
	}
	return build(ctx, tree, program)
}

func build(ctx context.Context, tree, program string) error {
	return earlier.Execute(ctx, tree, "go", "build", "-o", program, "./"+measurement)
}

// comparison compares two programs.
type comparison struct {
	programs []string
	// order is the order in which they are started.
	order []int
	// only is a part of the names of the measurements to take.
	only string
	// rates are the rates of each program, one for each round, by what was measured.
	rates []map[string][]float64
}

// measure starts the programs and takes each measurement with both in turn, so that other load affects both. Each round
// reverses their order.
func (c comparison) measure(ctx context.Context, rounds int, args ...string) (err error) {
	running := make([]*program, len(c.programs))
	for _, i := range c.order {
		if running[i], err = start(ctx, c.programs[i], args...); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, running[i].stop()) }()
	}
	order := slices.Clone(c.order)
	for range rounds {
		for _, what := range running[0].measurements {
			if !strings.Contains(what, c.only) {
				continue
			}
			for _, i := range order {
				rate, err := running[i].measure(what)
				if err != nil {
					return fmt.Errorf("%s: %w", filepath.Base(c.programs[i]), err)
				}
				c.rates[i][what] = append(c.rates[i][what], rate)
			}
		}
		slices.Reverse(order)
	}
	return nil
}

// program is a running program that measures on request.
type program struct {
	cmd          *exec.Cmd
	requests     io.WriteCloser
	results      *json.Decoder
	measurements []string
}

// start starts a program, and waits until it can measure.
func start(ctx context.Context, path string, args ...string) (*program, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	requests, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	results, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &program{cmd: cmd, requests: requests, results: json.NewDecoder(results)}
	if err := p.results.Decode(&p.measurements); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", filepath.Base(path), err), p.stop())
	}
	return p, nil
}

// measure returns the rate of a measurement.
func (p *program) measure(what string) (rate float64, err error) {
	if _, err := fmt.Fprintln(p.requests, what); err != nil {
		return 0, err
	}
	return rate, p.results.Decode(&rate)
}

func (p *program) stop() error { return errors.Join(p.requests.Close(), p.cmd.Wait()) }

// printRatios prints the median rate of both programs, and the median and the quartiles of their ratio. The ratio is
// that of two neighboring measurements: what else the machine does varies less between them than between two rounds.
// It adds the ratios to a file.
func printRatios(commit string, rates []map[string][]float64, file string) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "pattern append\tmedian at %.8s\tnow\tratio in a round: median\tquartiles\n", commit)
	var rows []ratio.Row
	for _, what := range slices.Sorted(maps.Keys(rates[0])) {
		before, now := rates[0][what], rates[1][what]
		ratios := make([]float64, len(now))
		for round := range now {
			ratios[round] = now[round] / before[round]
		}
		fmt.Fprintf(out, "%s\t%.0f\t%.0f\t%.3f\t%.3f to %.3f\n", what, quartile(before, 2), quartile(now, 2),
			quartile(ratios, 2), quartile(ratios, 1), quartile(ratios, 3))
		r, err := row(commit, what, quartile(now, 2), quartile(before, 2), quartile(ratios, 2))
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	return errors.Join(out.Flush(), ratio.Append(file, rows...))
}

// row returns the row of one measurement in the table of ratios. The name of a measurement ends with its unit and the
// size of the records.
func row(commit, what string, now, before, median float64) (ratio.Row, error) {
	parts := strings.SplitN(what, ", ", 3)
	if len(parts) < 3 {
		return ratio.Row{}, fmt.Errorf("the name of measurement %q has no unit or no size of its records", what)
	}
	r := ratio.Row{
		Area: "Writing", Measured: parts[0] + ", " + parts[2], Unit: parts[1], Peer: fmt.Sprintf("commit %.8s", commit),
		Value: now, PeerValue: before, Ratio: median, AtLeast: notSlower,
	}
	if parts[0] == "scan" {
		r.Area, r.Measured = "Reading", "scan of a cached file, "+parts[2]
	}
	return r, nil
}

// quartile returns a quartile of some values: 1 for the lower one, 2 for the median, 3 for the upper one.
func quartile(values []float64, quarter int) float64 {
	return slices.Sorted(slices.Values(values))[(len(values)-1)*quarter/4]
}
