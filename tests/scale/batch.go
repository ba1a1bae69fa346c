package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// batchCost is the cost of one batch of cells.
type batchCost struct {
	duration  time.Duration
	processor time.Duration
	requests  int
}

// batchHooks observe where the batches of a run begin. They do nothing else.
type batchHooks struct {
	requests *requests
	begun    []usage
	failures []error
}

// usage is what a run has used at a moment.
type usage struct {
	at        time.Time
	processor time.Duration
	requests  int
}

func (h *batchHooks) PhaseChanged(phase string) {
	if phase == run.PhasePreChaos {
		h.record()
	}
}

func (h *batchHooks) record() {
	processor, err := processorTime()
	h.failures = append(h.failures, err)
	h.begun = append(h.begun, usage{time.Now(), processor, h.requests.total("")})
}

// costs returns the costs of the batches of a run that has ended.
func (h *batchHooks) costs() ([]batchCost, error) {
	h.record()
	var costs []batchCost
	for i, end := range h.begun[1:] {
		begin := h.begun[i]
		costs = append(costs, batchCost{
			end.at.Sub(begin.at), end.processor - begin.processor, end.requests - begin.requests,
		})
	}
	return costs, errors.Join(h.failures...)
}

func (h *batchHooks) CellsPlanned([]options.CellSpec)                   {}
func (h *batchHooks) WritersReady(context.Context, []result.Cell) error { return nil }
func (h *batchHooks) BeforeChaos(context.Context) error                 { return nil }
func (h *batchHooks) RecordsAcknowledged(options.CellSpec, ledger.Ack)  {}
func (h *batchHooks) BeforeDeletion(options.CellSpec, result.Pod)       {}
func (h *batchHooks) WaitingFor(options.CellSpec, string, string)       {}
func (h *batchHooks) BeforeRead(options.CellSpec)                       {}
func (h *batchHooks) CellJudged(result.Cell)                            {}
func (h *batchHooks) AllCellsJudged(context.Context) error              { return nil }
func (h *batchHooks) IsStopping(context.Context) bool                   { return false }

// printBatches prints the cost of each batch of a run, if there is more than one.
func printBatches(w *tabwriter.Writer, batches []batchCost) error {
	if len(batches) < 2 {
		return nil
	}
	fmt.Fprintln(w, "batch\tseconds\tprocessor seconds\trequests\t")
	for i, b := range batches {
		fmt.Fprintf(w, "%d\t%.1f\t%.2f\t%d\t\n", i+1, b.duration.Seconds(), b.processor.Seconds(), b.requests)
	}
	return w.Flush()
}
