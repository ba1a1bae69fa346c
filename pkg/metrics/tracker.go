// Package metrics keeps the figures of a run while it executes, and serves them over HTTP.
//
// It does not change the run. The format of the text is that of pkg/report/openmetrics.
package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// Tracker is a run.Hooks that keeps the figures of the run and calls the hooks that it wraps.
type Tracker struct {
	run.Hooks
	now func() time.Time

	mu    sync.Mutex
	state openmetrics.Snapshot
	cells map[string]*liveCell
	order []*liveCell
}

// liveCell is a cell while it has no verdict.
type liveCell struct {
	openmetrics.Cell
	// acked are the last acknowledged sequence numbers by epoch.
	acked map[int]uint64
	// lastEpoch is the highest epoch that acknowledged a record.
	lastEpoch int
	// deletedAt is when the writer was deleted; zero once its successor acknowledged a record.
	deletedAt time.Time
	// deletedEpoch is the epoch of that writer.
	deletedEpoch int
}

// NewTracker returns a tracker of a run that starts now. It has the versions of the program and of Kubernetes, which is
// empty if it is unknown.
func NewTracker(hooks run.Hooks, version, kubernetes string) *Tracker {
	return &Tracker{
		Hooks: hooks, now: time.Now, cells: map[string]*liveCell{},
		state: openmetrics.Snapshot{Version: version, Kubernetes: kubernetes, StartedAt: time.Now()},
	}
}

// CellsPlanned adds the cells of the run.
func (t *Tracker) CellsPlanned(cells []options.CellSpec) {
	t.mu.Lock()
	for _, spec := range cells {
		c := &liveCell{Cell: openmetrics.Cell{Spec: spec, StorageClass: spec.StorageClass}, acked: map[int]uint64{}}
		t.cells[spec.Name] = c
		t.order = append(t.order, c)
	}
	t.mu.Unlock()
	t.Hooks.CellsPlanned(cells)
}

// WritersReady adds the StorageClasses of claims that do not name theirs. All claims with the default StorageClass have
// the same one, also those of cells that are tested later.
func (t *Tracker) WritersReady(ctx context.Context, cells []result.Cell) error {
	t.mu.Lock()
	for _, c := range cells {
		if c.Claim == nil || c.Claim.StorageClass == "" {
			continue
		}
		for _, live := range t.order {
			isDefault := live.hasDefaultClass() && c.Spec.ExistingClaim == "" && c.Spec.StorageClass == ""
			if live.Spec.Name == c.Spec.Name || isDefault {
				live.StorageClass = c.Claim.StorageClass
			}
		}
	}
	t.mu.Unlock()
	return t.Hooks.WritersReady(ctx, cells)
}

// hasDefaultClass reports whether the run creates a claim that names no StorageClass.
func (c *liveCell) hasDefaultClass() bool {
	return c.Spec.VolumeSource == options.Claim && c.Spec.ExistingClaim == "" && c.Spec.StorageClass == ""
}

// isKnown reports whether all labels of the cell are known. Its series would have other labels later otherwise.
func (c *liveCell) isKnown() bool {
	return c.Spec.VolumeSource != options.Claim || c.StorageClass != "" || c.Judged != nil
}

// RecordsAcknowledged counts the records, and ends the recovery of a cell.
func (t *Tracker) RecordsAcknowledged(spec options.CellSpec, ack ledger.Ack) {
	t.update(spec, func(c *liveCell) {
		if ack.Seq > c.acked[ack.Epoch] {
			c.Acknowledged += ack.Seq - c.acked[ack.Epoch]
			c.acked[ack.Epoch] = ack.Seq
		}
		c.lastEpoch = max(c.lastEpoch, ack.Epoch)
		if !c.deletedAt.IsZero() && ack.Epoch > c.deletedEpoch {
			c.Recoveries = append(c.Recoveries, t.now().Sub(c.deletedAt))
			c.deletedAt = time.Time{}
		}
	})
	t.Hooks.RecordsAcknowledged(spec, ack)
}

// BeforeDeletion counts the deletion, and starts the recovery of a cell.
func (t *Tracker) BeforeDeletion(spec options.CellSpec, pod result.Pod) {
	t.update(spec, func(c *liveCell) {
		c.Deletions++
		c.deletedAt, c.deletedEpoch = t.now(), c.lastEpoch
	})
	t.Hooks.BeforeDeletion(spec, pod)
}

// CellJudged replaces the figures of a cell by those of its result.
func (t *Tracker) CellJudged(judged result.Cell) {
	t.update(judged.Spec, func(c *liveCell) { c.Cell = openmetrics.CellOf(judged) })
	t.Hooks.CellJudged(judged)
}

// Finish replaces all figures by those of the result.
func (t *Tracker) Finish(r result.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state, t.order = openmetrics.SnapshotOf(r), nil
}

// Text returns the figures as OpenMetrics text.
func (t *Tracker) Text() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state
	for _, c := range t.order {
		if c.isKnown() {
			s.Cells = append(s.Cells, c.Cell)
		}
	}
	return s.Text()
}

// update changes a cell, if it was planned.
func (t *Tracker) update(spec options.CellSpec, change func(*liveCell)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.cells[spec.Name]; c != nil {
		change(c)
	}
}
