// Command backends measures what real storage keeps after a failure. It runs volume-durability on each backend, with
// faults, and prints a table. With -update, it writes the results to results.json, from which the table in
// docs/backends.md is generated. Without it, it compares the verdicts with results.json.
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
)

const resultsFile = "results.json"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "backends:", err)
		os.Exit(1)
	}
}

// selection is what the flags select.
type selection struct {
	only, events string
	update       bool
	parallel     int
}

func run(ctx context.Context) error {
	var s selection
	flag.StringVar(&s.only, "only", "", "names of backends, separated by ';' (default all)")
	flag.StringVar(&s.events, "events", "", "names of events, separated by ',' (default all); syncs counts the syncs")
	flag.BoolVar(&s.update, "update", false, "write the results to "+resultsFile)
	flag.IntVar(&s.parallel, "parallel", 6, "number of events at the same time")
	flag.Parse()
	if os.Geteuid() != 0 {
		return errors.New("mounting filesystems needs root")
	}
	backends, err := s.backends()
	if err != nil {
		return err
	}
	earlier, err := readRows(resultsFile)
	if err != nil {
		return err
	}
	m, err := newMeasurement(s, backends, earlier)
	if err != nil {
		return err
	}
	err = runAll(ctx, m.tasks, s.parallel)
	rows := m.rows(ctx)
	return errors.Join(err, m.close(ctx), print(rows), s.conclude(earlier, rows))
}

// backends returns the selected backends.
func (s selection) backends() ([]Backend, error) {
	if s.only == "" {
		return all(), nil
	}
	var selected []Backend
	for name := range strings.SplitSeq(s.only, ";") {
		i := slices.IndexFunc(all(), func(b Backend) bool { return b.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only %s: there is no such backend", name)
		}
		selected = append(selected, all()[i])
	}
	return selected, nil
}

// selects reports whether an event is selected.
func (s selection) selects(name string) bool {
	return s.events == "" || slices.Contains(strings.Split(s.events, ","), name)
}

// conclude writes the results, or compares them with those of an earlier measurement.
func (s selection) conclude(earlier, rows []Row) error {
	if !s.update {
		return compare(earlier, rows)
	}
	for _, r := range rows {
		earlier = merge(earlier, r)
	}
	return writeRows(resultsFile, earlier)
}

// compare returns an error for each verdict that differs from an earlier one.
func compare(earlier, now []Row) error {
	var different []error
	for _, row := range now {
		i := slices.IndexFunc(earlier, func(r Row) bool { return r.Backend == row.Backend })
		if i < 0 {
			continue
		}
		for _, after := range row.Events {
			before := earlier[i].outcome(after.Event, after.Pattern)
			if before != nil && !before.agrees(after.Verdict) {
				different = append(different, fmt.Errorf("%s, %s, %s: %s, but %s on %s: %s",
					row.Backend, after.Event, after.Pattern, after, before, earlier[i].Date, after.Reason))
			}
		}
	}
	return errors.Join(different...)
}
