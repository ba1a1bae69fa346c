// Command bench compares this project's scanner and writer with other programs that do a
// part of the same work, on files of the same size, in one run. It prints the results and
// the machine. It installs nothing, and no test depends on it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/volume-durability/volume-durability/tests/bench/profile"
	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

// timeout limits one measurement.
const timeout = 10 * time.Minute

// plan has the sizes of the measurements.
type plan struct {
	dir     string // temporary files
	bytes   int64  // of each journal to read
	commits int    // with one record each
	rounds  int
}

// row is one line of the table.
type row struct {
	section, name, unit string
	measure             func(context.Context) (sample, error)
	samples             []sample
	failure             error
	// of and to are the rows of which this row is the ratio, and target is what it should be at least; nil and 0 for a
	// row that is no ratio.
	of, to *row
	target float64
}

// sample is the result of one measurement.
type sample struct {
	// rate is in the row's unit.
	rate float64
	// perCPU is the rate per second of processor time instead of elapsed time; 0 if unknown.
	// It is an upper limit for an idle machine that never waits for a device.
	perCPU float64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	folder := flags.String("folder", os.TempDir(), "folder on the filesystem to measure")
	size := flags.Int64("size", 1024, "size of each journal to read, in MiB")
	commits := flags.Int("commits", 1000, "number of commits with one record each")
	only := flags.String("only", "", "measure only the sections of which the title contains this text")
	rounds := flags.Int("rounds", 3, "number of times to measure everything")
	ratios := flags.String("ratios", "", "file to add the ratios to; empty for none")
	cpuProfile := flags.String("cpuprofile", "", "write a CPU profile of the measurements in this process to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *size < 1 || *commits < 1 || *rounds < 1 {
		return errors.New("-size, -commits and -rounds must be at least 1")
	}
	// Limit the scanner to one core. Writers set their own limit.
	runtime.GOMAXPROCS(1)
	dir, err := os.MkdirTemp(*folder, "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := plan{dir: dir, bytes: *size << 20, commits: *commits, rounds: *rounds}
	if err := describe(p); err != nil {
		return err
	}
	rows, err := p.rows(ctx)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r *row) bool { return !strings.Contains(r.section, *only) })
	stopProfile, err := profile.Start(*cpuProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProfile()) }()
	for round := range p.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, p.rounds)
		for _, r := range rows {
			r.measureOnce(ctx)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(printTable(rows), ratio.Append(*ratios, ratioRows(rows)...))
}

// rows writes the journals to read and returns the measurements.
func (p plan) rows(ctx context.Context) ([]*row, error) {
	var journals []string
	for _, size := range recordSizes {
		path := filepath.Join(p.dir, fmt.Sprintf("journal-%d", size))
		if err := writeJournal(ctx, path, size, p.bytes); err != nil {
			return nil, fmt.Errorf("writing %s: %w", path, err)
		}
		journals = append(journals, path)
	}
	return slices.Concat(
		p.readingCached(journals), p.readingDirectly(journals), p.committingRecords(), p.committingGroups(),
		p.committingByManyWriters(), p.overwriting(), p.checkingObjects(), p.memoryOfObjects()), nil
}

// measureOnce adds one sample. A row that failed is not measured again.
func (r *row) measureOnce(ctx context.Context) {
	if r.failure != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s, err := r.measure(ctx)
	if err != nil {
		r.failure = err
		return
	}
	r.samples = append(r.samples, s)
}

// ratioRows returns the rows for the table of ratios: those with a target.
func ratioRows(rows []*row) []ratio.Row {
	var all []ratio.Row
	for _, r := range rows {
		if r.target == 0 {
			continue
		}
		area := "Writing"
		if strings.HasPrefix(r.section, "reading") {
			area = "Reading"
		}
		compared := ratio.Row{Area: area, Measured: r.of.name, Peer: r.to.name, Unit: r.of.unit, AtLeast: r.target}
		if r.failure != nil {
			compared.Failure = r.result()
		} else {
			compared.Value, compared.PeerValue, compared.Ratio = r.of.median(), r.to.median(), r.median()
		}
		all = append(all, compared)
	}
	return all
}

// printTable prints the best and the median sample of every row.
func printTable(rows []*row) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	section := ""
	for _, r := range rows {
		if r.section != section {
			section = r.section
			fmt.Fprintf(out, "\n%s\tbest\tmedian\t\tper processor second\n", section)
		}
		fmt.Fprintf(out, "  %s\t%s\n", r.name, r.result())
	}
	return out.Flush()
}

// byRate orders samples by their rate, highest first.
func byRate(a, b sample) int { return cmp.Compare(b.rate, a.rate) }

func (r *row) best() float64 { return slices.MinFunc(r.samples, byRate).rate }

func (r *row) median() float64 {
	rates := make([]float64, len(r.samples))
	for i, s := range r.samples {
		rates[i] = s.rate
	}
	return ratio.Median(rates)
}

func (r *row) result() string {
	switch {
	case errors.Is(r.failure, exec.ErrNotFound):
		return "not installed"
	case r.failure != nil:
		return "failed: " + r.failure.Error()
	}
	text := fmt.Sprintf("%s\t%s\t%s", ratio.Number(r.best()), ratio.Number(r.median()), r.unit)
	cheapest := slices.MaxFunc(r.samples, func(a, b sample) int { return cmp.Compare(a.perCPU, b.perCPU) })
	if cheapest.perCPU > 0 {
		text += "\t" + ratio.Number(cheapest.perCPU)
	}
	return text
}
