package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// measurement measures backends.
type measurement struct {
	selection
	earlier []Row
	// folder has the program under test, and the programs of the modules of backends.
	folder, program string
	lab             *lab
	parts           []*part
	tasks           []*task
}

// part is one backend and its results. Each task writes only its own result.
type part struct {
	Backend
	outcomes []*Outcome
	syncs    *Syncs
}

// newMeasurement plans the measurement of backends. Earlier results tell how long a task takes. The measurement must be
// closed.
func newMeasurement(s selection, backends []Backend, earlier []Row) (*measurement, error) {
	// The stages have another /tmp.
	folder, err := os.MkdirTemp("/var/tmp", "backends-")
	if err != nil {
		return nil, err
	}
	m := &measurement{selection: s, earlier: earlier, folder: folder}
	onMachines := func(b Backend) bool { return b.Machines != nil }
	var before []*task
	if here := slices.DeleteFunc(slices.Clone(backends), onMachines); len(here) > 0 {
		before = m.planHere(here)
	}
	if machines := slices.DeleteFunc(backends, func(b Backend) bool { return !onMachines(b) }); len(machines) > 0 {
		m.planMachines(machines, before...)
	}
	return m, nil
}

// planHere plans the measurement of backends on this computer. It returns the task that installs packages.
func (m *measurement) planHere(backends []Backend) []*task {
	packages := m.prepare("packages", func(ctx context.Context) error {
		all := []string{"strace"}
		for _, b := range backends {
			all = append(all, b.requirements()...)
		}
		slices.Sort(all)
		return install(ctx, slices.Compact(all))
	})
	program := m.prepare("program", func(ctx context.Context) (err error) {
		m.program, err = buildProgram(ctx, m.folder)
		return err
	})
	modules := map[string]*task{}
	for _, b := range backends {
		needs := []*task{packages, program}
		if b.Module != "" && modules[b.Module] == nil {
			modules[b.Module] = m.prepare("module of "+b.Name, func(ctx context.Context) error {
				return buildModule(ctx, m.folder, b)
			})
		}
		if b.Module != "" {
			needs = append(needs, modules[b.Module])
		}
		m.planBackend(b, needs)
	}
	return []*task{packages}
}

// planBackend plans the events of a backend on this computer.
func (m *measurement) planBackend(b Backend, needs []*task) {
	p := m.addPart(b)
	for _, e := range events() {
		if e.applies(b) && m.selects(e.name) {
			m.addEvent(p, e.name, e.pattern, needs, func(ctx context.Context) (Outcome, error) {
				return e.on(ctx, m.program, b)
			})
		}
	}
	if b.Kernel || !m.selects(syncsEvent) {
		return
	}
	m.addTask(b, syncsEvent, needs, func(ctx context.Context) (string, error) {
		began := time.Now()
		syncs, err := countOn(ctx, m.program, b)
		if err != nil {
			return "", err
		}
		syncs.Seconds = seconds(began)
		p.syncs = syncs
		return syncs.String(), nil
	})
}

// planMachines plans the measurement of backends on machines of their own. If there can be none here, the measurement
// has none of these backends.
func (m *measurement) planMachines(backends []Backend, needs ...*task) {
	ready := m.prepare("machines", func(ctx context.Context) error {
		l, err := newLab(ctx)
		if errors.Is(err, guest.ErrUnavailable) {
			return skip("backends on machines of their own", err)
		}
		if err == nil {
			m.lab = l
		}
		return err
	}, needs...)
	for _, b := range backends {
		modules := m.prepare("kernel modules of "+b.Name, func(context.Context) error {
			if err := m.lab.check(b.Machines.Modules); err != nil {
				return skip(b.Name, err)
			}
			return nil
		}, ready)
		p := m.addPart(b)
		for _, e := range machineEvents() {
			if e.applies(b.Machines) && m.selects(e.name) {
				m.addEvent(p, e.name, e.pattern(), []*task{modules}, func(ctx context.Context) (Outcome, error) {
					return e.on(ctx, m.lab, b)
				})
			}
		}
	}
}

// skip prints what cannot be measured here and why. It returns errSkipped.
func skip(what string, why error) error {
	fmt.Fprintf(os.Stderr, "SKIPPED: %s: %v\n", what, why)
	return errSkipped
}

func (m *measurement) addPart(b Backend) *part {
	p := &part{Backend: b}
	m.parts = append(m.parts, p)
	return p
}

// prepare adds a preparation.
func (m *measurement) prepare(name string, do func(context.Context) error, needs ...*task) *task {
	t := preparation(name, do, needs...)
	m.tasks = append(m.tasks, t)
	return t
}

// addEvent adds a task that plays an event.
func (m *measurement) addEvent(
	p *part, event, pattern string, needs []*task, play func(context.Context) (Outcome, error),
) {
	o := &Outcome{}
	p.outcomes = append(p.outcomes, o)
	m.addTask(p.Backend, event+", "+pattern, needs, func(ctx context.Context) (string, error) {
		began := time.Now()
		played, err := play(ctx)
		if err != nil {
			return "", err
		}
		played.Seconds = seconds(began)
		*o = played
		return strings.TrimSpace(o.String() + " " + o.Reason), nil
	})
}

// addTask adds a task that prints its result and how long it took.
func (m *measurement) addTask(b Backend, what string, needs []*task, do func(context.Context) (string, error)) {
	name := b.Name + ", " + what
	m.tasks = append(m.tasks, &task{
		name: name, backend: b.Name, needs: needs, expected: m.expected(b.Name, what),
		do: func(ctx context.Context) error {
			began := time.Now()
			result, err := do(ctx)
			if err == nil {
				fmt.Fprintf(os.Stderr, "%s: (%d s) %s\n", name, seconds(began), result)
			}
			return err
		},
	})
}

func seconds(began time.Time) int { return int(math.Ceil(time.Since(began).Seconds())) }

// expected returns how long a task took earlier. What was not measured yet may take long, so it starts first.
func (m *measurement) expected(backend, what string) time.Duration {
	for _, r := range m.earlier {
		if r.Backend != backend {
			continue
		}
		if what == syncsEvent && r.Syncs != nil && r.Syncs.Seconds > 0 {
			return time.Duration(r.Syncs.Seconds) * time.Second
		}
		for _, o := range r.Events {
			if o.Event+", "+o.Pattern == what && o.Seconds > 0 {
				return time.Duration(o.Seconds) * time.Second
			}
		}
	}
	return math.MaxInt64
}

// rows returns what was measured, also after the measurement was interrupted.
func (m *measurement) rows(ctx context.Context) []Row {
	ctx = context.WithoutCancel(ctx)
	var rows []Row
	for _, p := range m.parts {
		row := m.newRow(ctx, p.Backend)
		row.Syncs = p.syncs
		for _, o := range p.outcomes {
			if o.Event != "" {
				row.Events = append(row.Events, *o)
			}
		}
		if len(row.Events) > 0 || row.Syncs != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

func (m *measurement) newRow(ctx context.Context, b Backend) Row {
	switch {
	case b.Machines == nil:
		return newRow(b, cmp.Or(b.Version, version(ctx, b.Package)), volume.Kernel())
	case m.lab == nil:
		return newRow(b, "", "")
	}
	return newRow(b, m.lab.version(ctx, b.Package), m.lab.kernel())
}

// close removes the programs and the machines.
func (m *measurement) close(ctx context.Context) error {
	var err error
	if m.lab != nil {
		err = m.lab.close(ctx)
	}
	return errors.Join(err, os.RemoveAll(m.folder))
}
