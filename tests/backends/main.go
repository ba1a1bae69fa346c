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
	"sync"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
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
	flag.IntVar(&s.parallel, "parallel", 3, "number of backends at the same time")
	flag.Parse()
	if os.Geteuid() != 0 {
		return errors.New("mounting filesystems needs root")
	}
	backends, err := s.backends()
	if err != nil {
		return err
	}
	onMachines := func(b Backend) bool { return b.Machines != nil }
	rows, err := s.measureHere(ctx, slices.DeleteFunc(slices.Clone(backends), onMachines))
	if err != nil {
		return err
	}
	more, err := s.measureMachines(ctx, slices.DeleteFunc(backends, func(b Backend) bool { return !onMachines(b) }))
	rows = append(rows, more...)
	return errors.Join(err, print(rows), s.conclude(rows))
}

// measureHere measures backends on this computer.
func (s selection) measureHere(ctx context.Context, backends []Backend) ([]Row, error) {
	if len(backends) == 0 {
		return nil, nil
	}
	// The stages have another /tmp.
	folder, err := os.MkdirTemp("/var/tmp", "backends-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // it contains only programs
	if err := prepare(ctx, folder, backends); err != nil {
		return nil, err
	}
	program, err := buildProgram(ctx, folder)
	if err != nil {
		return nil, err
	}
	return s.measureAll(backends, func(b Backend) (Row, error) { return s.measure(ctx, program, b) })
}

// measureMachines measures backends on machines of their own. Where there can be none, it measures none.
func (s selection) measureMachines(ctx context.Context, backends []Backend) (_ []Row, err error) {
	if len(backends) == 0 {
		return nil, nil
	}
	l, err := newLab(ctx)
	if errors.Is(err, guest.ErrUnavailable) {
		fmt.Fprintln(os.Stderr, "SKIPPED: backends on machines of their own:", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	backends = slices.DeleteFunc(backends, func(b Backend) bool {
		err := l.check(b.Machines.Modules)
		if err != nil {
			fmt.Fprintf(os.Stderr, "SKIPPED: %s: %v\n", b.Name, err)
		}
		return err != nil
	})
	return s.measureAll(backends, func(b Backend) (Row, error) { return s.measureOn(ctx, l, b) })
}

// measureOn plays the events of one backend on machines.
func (s selection) measureOn(ctx context.Context, l *lab, b Backend) (Row, error) {
	row := newRow(b, l.version(ctx, b.Package), l.kernel())
	for _, e := range machineEvents() {
		if !e.applies(b.Machines) || !s.selects(e.name) {
			continue
		}
		began := time.Now()
		o, err := e.on(ctx, l, b)
		if err != nil {
			return row, err
		}
		report(b, o, began)
		row.Events = append(row.Events, o)
	}
	return row, nil
}

// report prints an outcome.
func report(b Backend, o Outcome, began time.Time) {
	fmt.Fprintf(os.Stderr, "%s, %s, %s: %s (%s) %s\n", b.Name, o.Event, o.Pattern, o,
		time.Since(began).Round(time.Second), o.Reason)
}

// prepare installs the packages of backends and builds the programs of their modules.
func prepare(ctx context.Context, folder string, backends []Backend) error {
	for _, b := range backends {
		if err := install(ctx, append(b.requirements(), "strace")); err != nil {
			return err
		}
		if b.Module == "" {
			continue
		}
		if err := buildModule(ctx, folder, b.Module); err != nil {
			return err
		}
	}
	return nil
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

// measureAll measures several backends at the same time.
func (s selection) measureAll(backends []Backend, measure func(Backend) (Row, error)) ([]Row, error) {
	rows, errs := make([]Row, len(backends)), make([]error, len(backends))
	slots := make(chan struct{}, s.parallel)
	var all sync.WaitGroup
	for i, b := range backends {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			rows[i], errs[i] = measure(b)
		})
	}
	all.Wait()
	return rows, errors.Join(errs...)
}

// measure plays the events of one backend.
func (s selection) measure(ctx context.Context, program string, b Backend) (Row, error) {
	row := newRow(b, version(ctx, b.Package), volume.Kernel())
	for _, e := range events() {
		if !e.applies(b) || !s.selects(e.name) {
			continue
		}
		began := time.Now()
		o, err := e.on(ctx, program, b)
		if err != nil {
			return row, err
		}
		report(b, o, began)
		row.Events = append(row.Events, o)
	}
	if b.Kernel || !s.selects("syncs") {
		return row, nil
	}
	syncs, err := countOn(ctx, program, b)
	if err != nil {
		return row, err
	}
	row.Syncs = syncs
	return row, nil
}

// conclude writes the results, or compares them with those of an earlier measurement.
func (s selection) conclude(rows []Row) error {
	earlier, err := readRows(resultsFile)
	if err != nil {
		return err
	}
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
