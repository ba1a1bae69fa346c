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
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// batch is the cells that go through the phases of a chaos experiment together.
type batch struct {
	Run
	cells []*cell
	// all are the cells of all batches.
	all    []*cell
	isLast bool
	// chaosBegan reports whether Hooks.BeforeChaos was called. All batches of a run share it.
	chaosBegan *bool
}

// runBatches takes the cells through the phases, Options.ParallelCells at a time. Afterwards every cell has a
// verdict and what it created is removed, even if ctx has ended. The error is what ended the whole run early.
func (r Run) runBatches(ctx, cleanup context.Context, cells []*cell) error {
	all := cells
	batches := slices.Collect(slices.Chunk(undecided(cells), max(1, r.Options.ParallelCells)))
	var endedBy error
	chaosBegan := false
	for i, cells := range batches {
		b := batch{Run: r, cells: cells, all: all, isLast: i == len(batches)-1, chaosBegan: &chaosBegan}
		if endedBy == nil {
			endedBy = b.runPhases(ctx)
		}
		r.phases.Begin(result.Removal, time.Now().UTC())
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
	b.phases.Begin(result.PreChaos, time.Now().UTC())
	b.Hooks.PhaseChanged(PhasePreChaos)
	if err := b.runOpenPhase(ctx, "before the chaos", (*cell).prepare); err != nil {
		return err
	}
	if err := b.imageError(); err != nil {
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

// imageError returns an error if no cell of the batch could start, because the image cannot be had. All cells have the
// same image, so the following batches could not start either.
func (b batch) imageError() error {
	var first error
	for _, c := range b.cells {
		var unready *kube.PodNotRunningError
		switch {
		case c.result.Spec.Control && errors.Is(c.endedBy, errNoOpenCell):
		case !errors.As(c.endedBy, &unready) || !unready.ImageUnavailable:
			return nil
		case first == nil:
			first = c.endedBy
		}
	}
	if first == nil || b.isLast {
		return nil
	}
	return first
}

// chaos deletes the writers. The last batch waits for RAMP_TIME afterwards.
func (b batch) chaos(ctx context.Context) error {
	if err := b.injectChaos(ctx); err != nil {
		return err
	}
	if b.isLast && *b.chaosBegan && len(undecided(b.cells)) > 0 {
		return b.ramp(ctx)
	}
	return nil
}

// postChaos reads the journals back. The last batch calls the hook that follows the chaos.
func (b batch) postChaos(ctx context.Context) error {
	b.Log.Info("Post-chaos: reading the journals back")
	b.phases.Begin(result.PostChaos, time.Now().UTC())
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
			b.showEnded(c)
		}
	})
	return b.phaseError(ctx, name, ctx.Err())
}

// showEnded shows the verdict of a cell before the other cells of the batch have theirs. Without others, it has its
// verdict shown at once.
func (b batch) showEnded(c *cell) {
	others := len(b.cells) - 1
	if others == 0 {
		return
	}
	waiting := ", waiting for the other cells"
	if others == 1 {
		waiting = ", waiting for the other cell"
	}
	b.Hooks.WaitingFor(c.result.Spec, string(c.result.Verdict)+waiting, c.result.Reason)
}

// runOpenPhase runs a phase like runPhase, and ends the control once no cell is open.
func (b batch) runOpenPhase(ctx context.Context, name string, phase func(*cell, context.Context) error) error {
	control, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	open := newOpenCells(b.all, cancel)
	err := b.runPhase(ctx, name, func(c *cell, ctx context.Context) error {
		if c.result.Spec.Control {
			return controlError(control, phase(c, control))
		}
		return target{c, open}.ended(phase(c, ctx))
	})
	b.endControl(ctx, name, open)
	return err
}

// controlError returns the error of the control, or errNoOpenCell if that has ended it.
func controlError(control context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(control), errNoOpenCell) {
		return errNoOpenCell
	}
	return err
}

// endControl concludes the control if no cell is open.
func (b batch) endControl(ctx context.Context, phase string, open *openCells) {
	if !open.none() {
		return
	}
	for _, c := range undecided(b.cells) {
		c.conclude(b.phaseError(ctx, phase, errNoOpenCell))
	}
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
	if err := b.ramp(ctx); err != nil {
		return err
	}
	b.phases.Begin(result.Chaos, time.Now().UTC())
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
	b.phases.Begin(result.Chaos, time.Now().UTC())
	b.Hooks.PhaseChanged(PhaseChaos)
	targetCells := slices.DeleteFunc(cells, func(c *cell) bool { return !c.isTarget() })
	injecting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	open := newOpenCells(b.all, cancel)
	var targets []poddelete.Target
	for _, c := range targetCells {
		targets = append(targets, target{c, open})
	}
	errs := b.fault().Inject(injecting, targets...)
	if len(targets) == 0 {
		return b.wait(ctx, opts.Duration)
	}
	for i, c := range targetCells {
		err := errs[i]
		if c.result.Spec.Control {
			err = controlError(injecting, err)
		}
		switch {
		case errors.Is(err, errRefused):
			c.chaosErr = err
			c.run.Log.WithError(err).Warn("The chaos ended early")
		case !errors.Is(err, errVolumeFailed):
			c.conclude(b.phaseError(ctx, phase, err))
		}
	}
	b.endControl(ctx, phase, open)
	return b.phaseError(ctx, phase, ctx.Err())
}

// target is a cell whose writer is deleted. It closes the cell after an error that ends the cell.
type target struct {
	*cell
	open *openCells
}

// Delete deletes the writer.
func (t target) Delete(ctx context.Context) error { return t.ended(t.cell.Delete(ctx)) }

// Restore starts the writer again.
func (t target) Restore(ctx context.Context) error { return t.ended(t.cell.Restore(ctx)) }

func (t target) ended(err error) error {
	if err != nil {
		t.begin(result.Waiting)
	}
	if err != nil && !errors.Is(err, errVolumeFailed) && !errors.Is(err, errRefused) {
		t.open.close(t.cell)
	}
	return err
}

func (b batch) fault() poddelete.Fault {
	opts := b.Options
	return poddelete.Fault{
		Duration: opts.Duration, MinInterval: opts.MinInterval, Interval: opts.Interval,
		Serial: opts.Serial, AffectedPercent: opts.AffectedPercent,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
}

// ramp waits for RAMP_TIME.
func (b batch) ramp(ctx context.Context) error {
	if b.Options.RampTime > 0 {
		b.phases.Begin(result.RampTime, time.Now().UTC())
	}
	return b.wait(ctx, b.Options.RampTime)
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
