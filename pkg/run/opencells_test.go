package run

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// runningHooks are those of a run that is not stopped.
type runningHooks struct{ Hooks }

func (runningHooks) WaitingFor(options.CellSpec, string, string) {}

func (runningHooks) IsStopping(context.Context) bool { return false }

// newTestBatch returns the only batch of a run with some cells under test and the control.
func newTestBatch(t *testing.T, tested int) batch {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	opts := options.Defaults()
	opts.NegativeControl = true
	for i := range tested - 1 {
		opts.ReaderNodes = append(opts.ReaderNodes, options.ReaderNode(fmt.Sprintf("n%d", i)))
	}
	r := Run{ID: "run", Options: opts, Log: log, Hooks: runningHooks{}}
	b := batch{Run: r, isLast: true, chaosBegan: new(bool)}
	for _, spec := range opts.Cells(nil) {
		b.cells = append(b.cells, newCell(r, spec))
	}
	b.all = b.cells
	return b
}

// The control waits for something that never happens.
func TestRunOpenPhase_EndsTheControlWithTheLastOpenCell(t *testing.T) {
	b := newTestBatch(t, 2)
	phase := func(c *cell, ctx context.Context) error {
		if c.result.Spec.Control {
			<-ctx.Done()
			return fmt.Errorf("creating pod write-pod-control: %w", ctx.Err())
		}
		return errors.New("no such class")
	}
	require.NoError(t, b.runOpenPhase(t.Context(), "before the chaos", phase))
	assert.Empty(t, undecided(b.cells))
	res := result.Result{}
	for _, c := range b.cells {
		res.Cells = append(res.Cells, *c.result)
	}
	assert.Equal(t, judge.Skipped, res.Control().Verdict)
	assert.Contains(t, res.Control().Reason, errNoOpenCell.Error())
	v, reason := aggregate(res, nil)
	assert.Equal(t, judge.Error, v)
	assert.Contains(t, reason, "The negative control was ended early, because no cell under test can pass or fail")
	assert.NotContains(t, reason, "cannot detect loss")
}

// The control was ready first.
func TestRunOpenPhase_EndsAControlThatIsReady(t *testing.T) {
	b := newTestBatch(t, 1)
	require.NoError(t, b.runOpenPhase(t.Context(), "before the chaos", func(c *cell, _ context.Context) error {
		if c.result.Spec.Control {
			return nil
		}
		return errors.New("no such class")
	}))
	assert.Empty(t, undecided(b.cells))
	assert.Equal(t, judge.Skipped, b.cells[1].result.Verdict)
}

func TestRunOpenPhase_KeepsTheControlForAnOpenCell(t *testing.T) {
	for name, end := range map[string]func(*cell){
		"undecided": func(*cell) {},
		"failed":    func(c *cell) { c.result.Verdict = judge.Fail },
		"passed":    func(c *cell) { c.result.Verdict = judge.Pass },
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBatch(t, 2)
			end(b.cells[0])
			require.NoError(t, b.runOpenPhase(t.Context(), "before the chaos", func(c *cell, ctx context.Context) error {
				switch c {
				case b.cells[1]:
					return errors.New("no such class")
				case b.cells[2]:
					return context.Cause(ctx)
				}
				return nil
			}))
			assert.Equal(t, judge.Error, b.cells[1].result.Verdict)
			assert.Empty(t, b.cells[2].result.Verdict)
		})
	}
}

func TestTarget_EndsTheInjectionWithTheLastOpenCell(t *testing.T) {
	for _, tc := range []struct {
		err  error
		ends bool
	}{
		{errors.New("its image could not be pulled"), true},
		{fmt.Errorf("%w: i/o error", errVolumeFailed), false}, // it is read back
		{fmt.Errorf("%w: no space left", errRefused), false},
		{nil, false},
	} {
		b := newTestBatch(t, 1)
		b.cells[0].deletionErr = tc.err
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		open := newOpenCells(b.all, cancel)
		require.NoError(t, target{b.cells[1], open}.ended(nil))
		assert.Equal(t, tc.err, target{b.cells[0], open}.Delete(ctx))
		assert.Equal(t, tc.ends, errors.Is(context.Cause(ctx), errNoOpenCell), tc.err)
	}
}

func TestImageError_EndsTheRunIfNoCellGotItsImage(t *testing.T) {
	image := fmt.Errorf("before the chaos: %w", &kube.PodNotRunningError{ImageUnavailable: true, Err: errors.New("20s")})
	for name, tc := range map[string]struct {
		first, second error
		isLast        bool
		want          error
	}{
		"no image":         {image, image, false, image},
		"the last batch":   {image, image, true, nil},
		"one cell started": {image, nil, false, nil},
		"another cause":    {image, &kube.PodNotRunningError{Err: errors.New("20s")}, false, nil},
	} {
		b := newTestBatch(t, 2)
		b.isLast = tc.isLast
		b.cells[0].endedBy, b.cells[1].endedBy, b.cells[2].endedBy = tc.first, tc.second, errNoOpenCell
		assert.Equal(t, tc.want, b.imageError(), name)
	}
}

// A cell with weak evidence ends in Error after it was read back. The control still has to be read back.
func TestRunPhase_NeverEndsTheControl(t *testing.T) {
	b := newTestBatch(t, 1)
	require.NoError(t, b.runPhase(t.Context(), "after the chaos", func(c *cell, ctx context.Context) error {
		if c.result.Spec.Control {
			return context.Cause(ctx)
		}
		return errors.New("the evidence is too weak")
	}))
	assert.Equal(t, judge.Error, b.cells[0].result.Verdict)
	assert.Empty(t, b.cells[1].result.Verdict)
}
