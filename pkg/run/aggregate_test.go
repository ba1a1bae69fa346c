package run

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

func cellsOf(verdicts ...judge.Verdict) []result.Cell {
	var cells []result.Cell
	for i, v := range verdicts {
		plan := options.CellSpec{Name: fmt.Sprintf("class-%d", i)}
		cells = append(cells, result.Cell{Spec: plan, Verdict: v, Reason: "because"})
	}
	return cells
}

func controlWith(verdict judge.Verdict, findings ...judge.Finding) result.Cell {
	plan := options.CellSpec{Name: options.ControlName, Control: true}
	return result.Cell{Spec: plan, Verdict: verdict, Findings: findings}
}

func TestAggregate_Verdict(t *testing.T) {
	const pass, fail, errored, stopped, skipped = judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.Skipped
	emptied := controlWith(fail, judge.Finding{Class: judge.Missing, Records: 9})
	lostLast := controlWith(fail, judge.Finding{Class: judge.LostTail, Records: 1})
	stop, probe := fmt.Errorf("%w: terminated", verdict.ErrStopped), asHookError(errors.New("a probe could not run"))
	for name, c := range map[string]struct {
		cells []result.Cell
		ended error
		want  judge.Verdict
	}{
		"all Pass":                       {cellsOf(pass, pass), nil, pass},
		"one Fail":                       {cellsOf(pass, fail, errored, skipped), nil, fail},
		"one Error":                      {cellsOf(pass, errored), nil, errored},
		"one Skipped":                    {cellsOf(pass, skipped), nil, pass},
		"all Skipped":                    {cellsOf(skipped, skipped), nil, errored},
		"no cells":                       {nil, nil, errored},
		"one Stopped":                    {cellsOf(pass, stopped), nil, stopped},
		"stopped after the verdict":      {cellsOf(pass), stop, stopped},
		"stopped after a Fail":           {cellsOf(fail, stopped), stop, fail},
		"a probe failed after a Pass":    {cellsOf(pass), probe, errored},
		"a probe failed after a Fail":    {cellsOf(fail), probe, fail},
		"the control lost":               {append(cellsOf(pass), emptied), nil, pass},
		"the control kept":               {append(cellsOf(pass), controlWith(pass)), nil, errored},
		"the control ended in Error":     {append(cellsOf(pass), controlWith(errored)), nil, errored},
		"the control lost one record":    {append(cellsOf(pass), lostLast), nil, errored},
		"the control kept, and one Fail": {append(cellsOf(fail), controlWith(pass)), nil, fail},
	} {
		t.Run(name, func(t *testing.T) {
			verdict, reason := aggregate(result.Result{Cells: c.cells}, c.ended)
			assert.Equal(t, c.want, verdict)
			assert.NotEmpty(t, reason)
		})
	}
}

func TestAggregate_ReasonOfSeveralCells(t *testing.T) {
	control := controlWith(judge.Fail, judge.Finding{Class: judge.Missing, Records: 9})
	cells := append(cellsOf(judge.Pass, judge.Fail, judge.Skipped), control)
	_, reason := aggregate(result.Result{Cells: cells}, nil)
	assert.Equal(t, "1 of 3 cells passed. 1 Fail: class-1 (because). 1 Skipped: class-2. "+
		"The negative control lost its data, as expected", reason)
}

func TestAggregate_AStoppedControlDoesNotDiscreditTheRun(t *testing.T) {
	stop := fmt.Errorf("%w: interrupt signal received", verdict.ErrStopped)
	for name, c := range map[string]struct {
		cells []result.Cell
		want  string
	}{
		"one":           {cellsOf(judge.Stopped), "the run was stopped: interrupt signal received"},
		"several":       {cellsOf(judge.Stopped, judge.Pass), "1 of 2 cells passed"},
		"one Fail":      {cellsOf(judge.Fail), "negative control was stopped before it could lose its data"},
		"several, lost": {cellsOf(judge.Fail, judge.Stopped), "negative control was stopped before it could lose its data"},
	} {
		_, reason := aggregate(result.Result{Cells: append(c.cells, controlWith(judge.Stopped))}, stop)
		assert.Contains(t, reason, c.want, name)
		assert.NotContains(t, reason, "cannot detect loss", name)
	}
}

func TestAggregate_AControlWithoutAVerdict(t *testing.T) {
	_, reason := aggregate(result.Result{Cells: append(cellsOf(judge.Error), controlWith(judge.Error))}, nil)
	assert.Equal(t, "because. The negative control ended in Error too", reason)
	_, reason = aggregate(result.Result{Cells: append(cellsOf(judge.Error, judge.Skipped), controlWith(judge.Error))}, nil)
	assert.Equal(t, "0 of 2 cells passed. 1 Error: class-0 (because). 1 Skipped: class-1. "+
		"The negative control ended in Error too", reason)
	for _, other := range []judge.Verdict{judge.Pass, judge.Fail} {
		_, reason := aggregate(result.Result{Cells: append(cellsOf(other), controlWith(judge.Error))}, nil)
		assert.Contains(t, reason, "this run cannot detect loss (Error: ", other)
		assert.Contains(t, reason, "because", other)
	}
}
