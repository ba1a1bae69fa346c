package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/utils/clock"

	poddelete "github.com/volume-durability/volume-durability/chaoslib/pod-delete"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// wave are the cells that are tried at once, in the phases of a chaos experiment.
type wave struct {
	Run
	cells []*cell
	last  bool
}

// try takes the cells through the phases, so many at once as were asked for. Every
// cell has a verdict then, and what it made is removed, also where ctx has ended. The
// error is what ended the whole run, if anything did.
func (r Run) try(ctx, leave context.Context, cells []*cell) error {
	waves := slices.Collect(slices.Chunk(undecided(cells), max(1, r.Settings.ParallelCells)))
	var ended error
	begun := false
	for i, cells := range waves {
		w := wave{Run: r, cells: cells, last: i == len(waves)-1}
		if ended == nil {
			ended = w.phases(ctx, &begun)
		}
		w.each(cells, func(c *cell) {
			c.conclude(ended)
			c.remove(leave)
			c.collect()
		})
	}
	return ended
}

// undecided are the cells that have no verdict yet.
func undecided(cells []*cell) []*cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c *cell) bool { return c.Verdict != "" })
}

// phases carries a wave out. What fails in one cell is that cell's; the error ends
// the whole run.
func (w wave) phases(ctx context.Context, begun *bool) error {
	w.Log.Info("Pre-chaos: the writer starts")
	if err := w.phase(ctx, "before the chaos", (*cell).prepare); err != nil {
		return err
	}
	if !*begun && len(undecided(w.cells)) > 0 {
		if err := w.begin(ctx); err != nil {
			return err
		}
		*begun = true
	}
	if err := w.chaos(ctx); err != nil {
		return err
	}
	if w.last && *begun {
		if err := w.ramp(ctx); err != nil {
			return err
		}
	}
	w.Log.Info("Post-chaos: the journal is read back")
	if err := w.phase(ctx, "after the chaos", (*cell).verify); err != nil {
		return err
	}
	for _, c := range w.cells {
		w.Hooks.Judged(c.Cell)
	}
	if !w.last || !*begun {
		return nil
	}
	return w.ending(ctx, "after the chaos", hookErr(w.Hooks.ChaosEnded(ctx)))
}

// phase has every cell that is not decided yet do something. A cell that cannot is
// decided then.
func (w wave) phase(ctx context.Context, name string, do func(*cell, context.Context) error) error {
	w.each(undecided(w.cells), func(c *cell) { c.conclude(w.ending(ctx, name, do(c, ctx))) })
	return w.ending(ctx, name, ctx.Err())
}

// each does something for all cells at once.
func (w wave) each(cells []*cell, do func(*cell)) {
	var all sync.WaitGroup
	for _, c := range cells {
		all.Go(func() { do(c) })
	}
	all.Wait()
}

// ending says what an error means: a run that was stopped fails in many ways.
func (w wave) ending(ctx context.Context, phase string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", phase, err)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errStopped, context.Cause(ctx))
	case w.Hooks.Stopping(ctx):
		return fmt.Errorf("%w: %w", errStopped, err)
	}
	return err
}

// begin is what comes once, between the first writers and the chaos.
func (w wave) begin(ctx context.Context) error {
	var written []result.Cell
	for _, c := range undecided(w.cells) {
		c.Acks = c.ledger.Acks()
		c.Log.Info(c.WriteSentence())
		written = append(written, c.Cell)
	}
	const before, during = "before the chaos", "during the chaos"
	if err := w.ending(ctx, before, hookErr(w.Hooks.Written(ctx, written))); err != nil {
		return err
	}
	if err := w.ramp(ctx); err != nil {
		return err
	}
	return w.ending(ctx, during, hookErr(w.Hooks.ChaosBegins(ctx)))
}

// chaos ends early for a cell, without an error, when the volume lets its writer
// down or refuses it: what is left is still read back.
func (w wave) chaos(ctx context.Context) error {
	const phase = "during the chaos"
	cells := undecided(w.cells)
	if len(cells) == 0 {
		return w.ending(ctx, phase, ctx.Err())
	}
	s := w.Settings
	w.Log.WithFields(logrus.Fields{"duration": s.Duration, "interval": s.Interval, "force": s.Force}).Info("Chaos: the writer is deleted while it writes")
	fault := poddelete.Fault{
		Duration: s.Duration, Least: s.MinInterval, Interval: s.Interval, Serial: s.Serial, Affected: s.AffectedPercent,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
	var targets []poddelete.Target
	hit := slices.DeleteFunc(slices.Clone(cells), func(c *cell) bool { return !c.isTarget() })
	for _, c := range hit {
		targets = append(targets, c)
	}
	errs := fault.Inject(ctx, targets...)
	if len(targets) == 0 {
		return w.wait(ctx, s.Duration)
	}
	for i, c := range hit {
		switch err := errs[i]; {
		case errors.Is(err, errRefused):
			c.cutShort = err
			c.Log.WithError(err).Warn("The chaos ends early")
		case !errors.Is(err, errLetDown):
			c.conclude(w.ending(ctx, phase, err))
		}
	}
	return w.ending(ctx, phase, ctx.Err())
}

func (w wave) ramp(ctx context.Context) error { return w.wait(ctx, w.Settings.RampTime) }

func (w wave) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return w.ending(ctx, "waiting", context.Cause(ctx))
	}
}
