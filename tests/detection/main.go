// Command detection runs every fault of faultfs through the real experiment on the
// test cluster, and beside it, on the same damaged volume, what people use today.
// It prints and writes a table of who noticed what. Its exit status is 0 when
// every cell of the experiment's own column is as it must be.
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

// settings are what the command is told.
type settings struct {
	kubeconfig, charts, image, byHandImage, faultfs, volumes, table string
	only                                                            *regexp.Regexp
	parallel                                                        int
}

func parse() (settings, error) {
	var o settings
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "the test cluster's")
	flag.StringVar(&o.charts, "charts", "charts", "folder of the charts")
	flag.StringVar(&o.image, "image", "", "reference of the experiment's image")
	flag.StringVar(&o.byHandImage, "by-hand-image", "", "reference of a busybox image")
	flag.StringVar(&o.faultfs, "faultfs", "build/faultfs", "the filesystem's program")
	flag.StringVar(&o.volumes, "volumes", "", "folder for the volumes, which every node reaches")
	flag.StringVar(&o.table, "table", "build/detection.md", "file to write the table to")
	flag.IntVar(&o.parallel, "parallel", 6, "how many faults to try at once")
	only := flag.String("run", "", "try only the faults whose names match")
	flag.Parse()
	var err error
	o.only, err = regexp.Compile(*only)
	return o, err
}

func run(ctx context.Context) error {
	o, err := parse()
	if err != nil {
		return err
	}
	cluster, err := chaosengine.Connect(o.kubeconfig, o.charts, o.image)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.volumes, 0o755); err != nil {
		return err
	}
	strangers := filepath.Join(o.volumes, "strangers.log")
	if err := writeStrangers(strangers); err != nil {
		return fmt.Errorf("writing another run's journal: %w", err)
	}
	defer os.Remove(strangers)
	began := time.Now()
	rows, err := all(ctx, cluster, o, strangers)
	if err != nil {
		return err
	}
	return show(rows, time.Since(began), o.table)
}

// all tries the scenarios, several at once, and returns a row for each.
func all(ctx context.Context, cluster *chaosengine.Cluster, o settings, strangers string) ([]row, error) {
	var chosen []scenario
	for _, s := range scenarios(strangers) {
		if o.only.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	rows := make([]row, len(chosen))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	// Those that hang take longest, and stand last.
	for i, s := range slices.Backward(chosen) {
		group.Go(func() error {
			t := trial{scenario: s, settings: o, cluster: cluster}
			rows[i] = t.run(ctx)
			fmt.Fprintf(os.Stderr, "%-9s %s\n", rows[i].mark(), s.name)
			return ctx.Err()
		})
	}
	return rows, group.Wait()
}

// writeStrangers writes the journal of another run.
func writeStrangers(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w, err := journal.NewWriter(synced{file}, journal.Format{ID: "fedcba9876543210", Size: recordSize}, 1, 0, false)
	if err == nil {
		_, err = w.Commit(500, time.Now)
	}
	return errors.Join(err, file.Close())
}

type synced struct{ *os.File }

func (s synced) Datasync() error { return s.Sync() }
