// Command before compares the write pattern append with an earlier state of the project. It compiles the same
// measurement with both, runs them in turn, and prints the ratio of their rates.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

// measurement is the folder of the program that measures.
const measurement = "tests/bench/append"

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
	size := flags.Int("size", 256, "size of each journal, in MiB")
	rounds := flags.Int("rounds", 5, "number of times to measure everything")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *size < 1 || *rounds < 1 {
		return errors.New("-size and -rounds must be at least 1")
	}
	earlier, err := resolve(ctx, *commit)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "before")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	programs := []string{filepath.Join(dir, "earlier"), filepath.Join(dir, "now")}
	if err := errors.Join(buildEarlier(ctx, dir, earlier, programs[0]), build(ctx, ".", programs[1])); err != nil {
		return err
	}
	rates, err := measure(ctx, programs, *rounds, "-folder", *folder, "-size", fmt.Sprint(*size))
	if err != nil {
		return err
	}
	return printRatios(earlier, rates)
}

// resolve returns the commit to compare with.
func resolve(ctx context.Context, commit string) (string, error) {
	if commit == "" {
		list, err := git(ctx, "log", "--reverse", "--format=%H", "--", "pkg/pattern")
		if err != nil {
			return "", err
		}
		first, _, _ := strings.Cut(list, "\n")
		commit = first + "^"
	}
	return git(ctx, "rev-parse", commit)
}

func git(ctx context.Context, args ...string) (string, error) {
	output, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(output)), nil
}

// buildEarlier compiles the measurement of this state of the project with the packages of an earlier one.
func buildEarlier(ctx context.Context, dir, commit, program string) error {
	tree := filepath.Join(dir, "tree")
	archive := filepath.Join(dir, "tree.tar")
	if _, err := git(ctx, "archive", "--output", archive, commit); err != nil {
		return err
	}
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	if err := execute(ctx, ".", "tar", "-xf", archive, "-C", tree); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(tree, measurement), os.DirFS(measurement)); err != nil {
		return err
	}
	return build(ctx, tree, program)
}

func build(ctx context.Context, tree, program string) error {
	return execute(ctx, tree, "go", "build", "-o", program, "./"+measurement)
}

func execute(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// measure runs the programs in turn, so that other load affects both. Each round reverses their order. It returns the
// rates of each program, by what was measured.
func measure(ctx context.Context, programs []string, rounds int, args ...string) ([]map[string][]float64, error) {
	rates := []map[string][]float64{{}, {}}
	order := []int{0, 1}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for _, i := range order {
			once, err := measureOnce(ctx, programs[i], args...)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(programs[i]), err)
			}
			for what, rate := range once {
				rates[i][what] = append(rates[i][what], rate)
			}
		}
		slices.Reverse(order)
	}
	return rates, nil
}

// measureOnce runs a program and returns its rates, by what was measured.
func measureOnce(ctx context.Context, program string, args ...string) (rates map[string]float64, err error) {
	output, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return nil, err
	}
	return rates, json.Unmarshal(output, &rates)
}

// printRatios prints the best and the median rate of both programs, and the ratios.
func printRatios(commit string, rates []map[string][]float64) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "pattern append\tbest at %.8s\tnow\tratio\tmedian at %.8s\tnow\tratio\n", commit, commit)
	for _, what := range slices.Sorted(maps.Keys(rates[0])) {
		before, now := descending(rates[0][what]), descending(rates[1][what])
		middle := len(before) / 2
		fmt.Fprintf(out, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\n", what,
			before[0], now[0], now[0]/before[0], before[middle], now[middle], now[middle]/before[middle])
	}
	return out.Flush()
}

func descending(rates []float64) []float64 {
	slices.SortFunc(rates, func(a, b float64) int { return cmp.Compare(b, a) })
	return rates
}
