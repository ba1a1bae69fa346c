// Command detection runs the experiment on the test cluster with every fault of faultfs,
// and applies the methods that people use today, the baseline, to the same damaged
// volume. It prints and writes a table of what each detected. Its exit status is 0 if
// every cell of the columns of volume-durability is correct.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "detection:", err)
		stop()
		os.Exit(1)
	}
}

// flags are the command's flags.
type flags struct {
	kubeconfig, charts, image, busyboxImage, faultfs, local, volumes, table string

	only     *regexp.Regexp
	parallel int
}

func parse() (flags, error) {
	var f flags
	flag.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig of the test cluster")
	flag.StringVar(&f.charts, "charts", "charts", "folder of the charts")
	flag.StringVar(&f.image, "image", "", "reference of the experiment's image")
	flag.StringVar(&f.busyboxImage, "busybox-image", "", "reference of a busybox image")
	flag.StringVar(&f.faultfs, "faultfs", "build/faultfs", "program of the filesystem")
	flag.StringVar(&f.local, "local", "build/local", "program that runs \"volume-durability local\"")
	flag.StringVar(&f.volumes, "volumes", "", "folder for the volumes, reachable from every node")
	flag.StringVar(&f.table, "table", "build/detection.md", "file to write the table to")
	flag.IntVar(&f.parallel, "parallel", 6, "number of scenarios to run at the same time")
	only := flag.String("run", "", "run only the scenarios whose names match")
	flag.Parse()
	var err error
	f.only, err = regexp.Compile(*only)
	return f, err
}

func run(ctx context.Context) error {
	f, err := parse()
	if err != nil {
		return err
	}
	cluster, err := chaosengine.Connect(f.kubeconfig, f.charts, f.image)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.volumes, 0o755); err != nil {
		return err
	}
	foreignJournal := filepath.Join(f.volumes, "foreign.log")
	if err := writeForeignJournal(foreignJournal); err != nil {
		return fmt.Errorf("writing the journal of another run: %w", err)
	}
	defer os.Remove(foreignJournal)
	began := time.Now()
	rows, err := runAll(ctx, cluster, f, foreignJournal)
	if err != nil {
		return err
	}
	return show(rows, time.Since(began), f.table)
}

// runAll runs the chosen scenarios, several at the same time, and returns a row for each.
func runAll(ctx context.Context, cluster *chaosengine.Cluster, f flags, foreignJournal string) ([]row, error) {
	var chosen []scenario
	for _, s := range scenarios(foreignJournal) {
		if f.only.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	rows := make([]row, len(chosen))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(f.parallel)
	// Scenarios that hang take longest and are last in the table: start them first.
	for i, s := range slices.Backward(chosen) {
		group.Go(func() error {
			t := trial{scenario: s, flags: f, cluster: cluster}
			rows[i] = t.run(ctx)
			fmt.Fprintf(os.Stderr, "%-9s %s\n", rows[i].mark(), s.name)
			return ctx.Err()
		})
	}
	return rows, group.Wait()
}

// writeForeignJournal writes a journal with the identity of another run.
func writeForeignJournal(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w, err := journal.NewWriter(synced{file}, journal.Format{ID: "fedcba9876543210", RecordSize: recordSize}, 1, 0, false)
	if err == nil {
		_, err = w.Commit(500, time.Now)
	}
	return errors.Join(err, file.Close())
}

type synced struct{ *os.File }

func (s synced) Datasync() error { return s.Sync() }
