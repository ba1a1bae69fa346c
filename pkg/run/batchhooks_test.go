package run

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// stepHooks records the steps that cells wait for.
type stepHooks struct {
	Hooks
	mu    sync.Mutex
	steps []string
}

func (h *stepHooks) IsStopping(context.Context) bool { return false }

func (h *stepHooks) WaitingFor(cell options.CellSpec, step, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, cell.Name+": "+step+": "+reason)
}

// A user must not have to wait for the other cells to see that one has failed.
func TestRunPhase_ShowsACellThatEndedEarly(t *testing.T) {
	hooks := &stepHooks{}
	log := logrus.New()
	log.SetOutput(t.Output())
	r := Run{ID: "run", Options: options.Defaults(), Hooks: hooks, Log: log}
	failing := newCell(r, options.CellSpec{Name: "failing"})
	b := batch{Run: r, cells: []*cell{failing, newCell(r, options.CellSpec{Name: "good"})}}
	failed := make(chan struct{})
	err := b.runPhase(t.Context(), "before the chaos", func(c *cell, _ context.Context) error {
		if c == failing {
			defer close(failed)
			return errors.New("no such class")
		}
		<-failed
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"failing: Error, waiting for the other cell: before the chaos: no such class"}, hooks.steps)
	failing.run.Kube.OnStep("mounting on n1", "FailedMount: x")
	assert.Equal(t, "failing: mounting on n1: FailedMount: x", hooks.steps[1], "the steps of the pods are passed on")
}

func TestRunPhase_TheOnlyCellWaitsForNoOther(t *testing.T) {
	hooks := &stepHooks{}
	log := logrus.New()
	log.SetOutput(t.Output())
	r := Run{ID: "run", Options: options.Defaults(), Hooks: hooks, Log: log}
	b := batch{Run: r, cells: []*cell{newCell(r, options.CellSpec{})}}
	require.NoError(t, b.runPhase(t.Context(), "before the chaos", func(*cell, context.Context) error {
		return errors.New("no such class")
	}))
	assert.Empty(t, hooks.steps)
}
