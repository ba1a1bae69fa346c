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
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// batch is the cells that go through the phases of a chaos experiment together.
type batch struct {
	Run
	cells  []*cell
	isLast bool
	// chaosBegan reports whether Hooks.BeforeChaos was called. All batches of a run share it.
	chaosBegan *bool
}

// runBatches takes the cells through the phases, Options.ParallelCells at a time. Afterwards every cell has a
// verdict and what it created is removed, even if ctx has ended. The error is what ended the whole run early.
func (r Run) runBatches(ctx, cleanup context.Context, cells []*cell) error {
	batches := slices.Collect(slices.Chunk(undecided(cells), max(1, r.Options.ParallelCells)))
	var endedBy error
	chaosBegan := false
	for i, cells := range batches {
		b := batch{Run: r, cells: cells, isLast: i == len(batches)-1, chaosBegan: &chaosBegan}
		if endedBy == nil {
			endedBy = b.runPhases(ctx)
		}
		forEach(cells, func(c *cell) {
			c.conclude(endedBy)
			c.remove(cleanup)
			c.completeResult()
		})
	}
	return endedBy
}

// undecided returns the cells that have no verdict yet.
func undecided(cells []*cell) []*cell {
	return slices.DeleteFunc(slices.Clone(cells), (*cell).isDecided)
}

// forEach calls do for all cells at once.
func forEach(cells []*cell, do func(*cell)) {
	var all sync.WaitGroup
	for _, c := range cells {
		all.Go(func() { do(c) })
	}
	all.Wait()
}

// runPhases takes the batch through all phases. If one cell fails, only that cell gets its verdict. An error that
// runPhases returns ends the whole run.
func (b batch) runPhases(ctx context.Context) error {
	for _, phase := range []func(context.Context) error{b.preChaos, b.chaos, b.postChaos} {
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return nil
}

// preChaos starts the writers. In the first batch with a running writer it calls the hooks that precede the chaos.
func (b batch) preChaos(ctx context.Context) error {
	b.Log.Info("Pre-chaos: starting the writers")
	b.Hooks.PhaseChanged(PhasePreChaos)
	if err := b.runPhase(ctx, "before the chaos", (*cell).prepare); err != nil {
		return err
	}
	if *b.chaosBegan || len(undecided(b.cells)) == 0 {
		return nil
	}
	if err := b.beginChaos(ctx); err != nil {
		return err
	}
	*b.chaosBegan = true
	return nil
}

// chaos deletes the writers. The last batch waits for RAMP_TIME afterwards.
func (b batch) chaos(ctx context.Context) error {
	if err := b.injectChaos(ctx); err != nil {
		return err
	}
	if b.isLast && *b.chaosBegan {
		return b.wait(ctx, b.Options.RampTime)
	}
	return nil
}

// postChaos reads the journals back. The last batch calls the hook that follows the chaos.
func (b batch) postChaos(ctx context.Context) error {
	b.Log.Info("Post-chaos: reading the journals back")
	b.Hooks.PhaseChanged(PhasePostChaos)
	if err := b.runPhase(ctx, "after the chaos", (*cell).verify); err != nil {
		return err
	}
	for _, c := range b.cells {
		b.Hooks.CellJudged(*c.result)
	}
	if !b.isLast || !*b.chaosBegan {
		return nil
	}
	return b.phaseError(ctx, "after the chaos", asHookError(b.Hooks.AllCellsJudged(ctx)))
}

// runPhase runs a phase in every undecided cell. A cell that fails gets its verdict from the failure.
func (b batch) runPhase(ctx context.Context, name string, phase func(*cell, context.Context) error) error {
	forEach(undecided(b.cells), func(c *cell) {
		if err := b.phaseError(ctx, name, phase(c, ctx)); err != nil {
			c.conclude(err)
			b.Hooks.WaitingFor(c.result.Spec, string(c.result.Verdict)+", waiting for the other cells", c.result.Reason)
		}
	})
	return b.phaseError(ctx, name, ctx.Err())
}

// phaseError adds the phase to an error. If the run is being stopped, it treats every error as a result of the stop.
func (b batch) phaseError(ctx context.Context, phase string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", phase, err)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", verdict.ErrStopped, context.Cause(ctx))
	case b.Hooks.IsStopping(ctx):
		return fmt.Errorf("%w: %w", verdict.ErrStopped, err)
	}
	return err
}

// beginChaos does what is done once, between the start of the first writers and the first deletion.
func (b batch) beginChaos(ctx context.Context) error {
	var written []result.Cell
	for _, c := range undecided(b.cells) {
		c.result.Acks = c.ledger.Acks()
		c.run.Log.Info(c.result.WriteSentence())
		written = append(written, *c.result)
	}
	const before, during = "before the chaos", "during the chaos"
	if err := b.phaseError(ctx, before, asHookError(b.Hooks.WritersReady(ctx, written))); err != nil {
		return err
	}
	if err := b.wait(ctx, b.Options.RampTime); err != nil {
		return err
	}
	return b.phaseError(ctx, during, asHookError(b.Hooks.BeforeChaos(ctx)))
}

// injectChaos deletes the writers of the target cells at intervals. If the volume fails or refuses a write, the chaos
// of that cell ends early without an error: the journal is still read back.
func (b batch) injectChaos(ctx context.Context) error {
	const phase = "during the chaos"
	cells := undecided(b.cells)
	if len(cells) == 0 {
		return b.phaseError(ctx, phase, ctx.Err())
	}
	opts := b.Options
	b.Log.WithFields(logrus.Fields{"duration": opts.Duration, "interval": opts.Interval, "force": opts.Force}).
		Info("Chaos: deleting writers")
	b.Hooks.PhaseChanged(PhaseChaos)
	targetCells := slices.DeleteFunc(cells, func(c *cell) bool { return !c.isTarget() })
	var targets []poddelete.Target
	for _, c := range targetCells {
		targets = append(targets, c)
	}
	errs := b.fault().Inject(ctx, targets...)
	if len(targets) == 0 {
		return b.wait(ctx, opts.Duration)
	}
	for i, c := range targetCells {
		switch err := errs[i]; {
		case errors.Is(err, errRefused):
			c.chaosErr = err
			c.run.Log.WithError(err).Warn("The chaos ended early")
		case !errors.Is(err, errVolumeFailed):
			c.conclude(b.phaseError(ctx, phase, err))
		}
	}
	return b.phaseError(ctx, phase, ctx.Err())
}

func (b batch) fault() poddelete.Fault {
	opts := b.Options
	return poddelete.Fault{
		Duration: opts.Duration, MinInterval: opts.MinInterval, Interval: opts.Interval,
		Serial: opts.Serial, AffectedPercent: opts.AffectedPercent,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
}

func (b batch) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return b.phaseError(ctx, "waiting", context.Cause(ctx))
	}
}
