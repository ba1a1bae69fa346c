package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// lastRun is what the last run from a ChaosEngine did.
type lastRun struct {
	engineCreated time.Time
	result        result.Result
}

// read reads the result from the log of the experiment.
func (l *lastRun) read(ctx context.Context, ns *chaosengine.Namespace) error {
	if _, err := ns.AwaitCompleted(ctx, chaosengine.EngineName); err != nil {
		return err
	}
	log, err := ns.Log(ctx, chaosengine.EngineName)
	if err != nil {
		return err
	}
	l.result, err = chaosengine.ParseResult(log)
	return err
}

// print prints where the time of the run went: before it started, in each phase, and in each step of its cells.
func (l *lastRun) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	printStep := func(name, about string, took time.Duration) {
		fmt.Fprintf(w, "%s\t%s\t%.2f\n", name, about, took.Seconds())
	}
	fmt.Fprintln(w, "\nthe last run from a ChaosEngine\t\tseconds")
	printStep("operator, runner and Job", "", l.result.StartedAt.Sub(l.engineCreated))
	for _, p := range l.result.Phases {
		printStep("phase", string(p.Name), p.Took())
	}
	for _, c := range l.result.Cells {
		if c.Trace == nil {
			continue
		}
		for _, s := range c.Trace.Steps {
			printStep(c.DisplayName(), fmt.Sprintf("%s %s", s.Name, s.Pod), s.Took())
		}
	}
	return w.Flush()
}
