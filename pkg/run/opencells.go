package run

import (
	"context"
	"errors"
	"sync"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// errNoOpenCell ends the control once no cell under test can pass or fail: there is nothing left that the control could
// confirm.
var errNoOpenCell = errors.New("no cell under test can pass or fail any more")

// openCells counts the cells under test, of all batches, that have passed or failed or still may. It cancels a context
// once there is none.
type openCells struct {
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	count int
}

func newOpenCells(all []*cell, cancel context.CancelCauseFunc) *openCells {
	o := &openCells{cancel: cancel}
	for _, c := range all {
		if !c.result.Spec.Control && isOpen(c) {
			o.count++
		}
	}
	if o.count == 0 {
		cancel(errNoOpenCell)
	}
	return o
}

// isOpen reports whether a cell has passed or failed or still may.
func isOpen(c *cell) bool {
	return !c.isDecided() || c.result.Verdict == judge.Pass || c.result.Verdict == judge.Fail
}

// close records that a cell that was open can neither pass nor fail any more.
func (o *openCells) close(c *cell) {
	if c.result.Spec.Control {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count--; o.count == 0 {
		o.cancel(errNoOpenCell)
	}
}

// none reports whether no cell is open.
func (o *openCells) none() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count == 0
}
