// Package progress shows a run while it executes: its phases, how many records are
// acknowledged, and every deletion and verdict. On a terminal it updates one line for
// each cell in place; otherwise it prints one line for each event.
//
// A View implements run.Hooks and does not change the run. It does not access the
// cluster, and does not print the result at the end.
package progress

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// phaseChaos is the phase in which the view shows how much of its time has passed.
const phaseChaos = "chaos"

// stateWriting is the state of a cell whose writer acknowledges records.
const stateWriting = "writing"

// View shows the progress of one run.
type View struct {
	options options.Values
	screen  screen
	now     func() time.Time

	mu           sync.Mutex
	started      time.Time
	phase        string
	chaosStarted time.Time // zero before
	rows         map[string]*row
	order        []*row
}

// screen is what a view is written to.
type screen interface {
	io.Writer
	// printLine prints a line that stays.
	printLine(line string)
	// event prints a line on an event, unless the screen shows it in another way.
	event(line string)
	// setRows sets the rows to show.
	setRows(rows []*row)
	// close leaves the screen as it is, so that others can write to it.
	close()
}

// row is the progress of one cell.
type row struct {
	spec      options.CellSpec
	epochs    map[int]uint64 // the last acknowledged sequence number of each
	records   uint64
	rate      rate
	deletions int
	state     string
	verdict   string // empty until there is one
}

// New returns a view of a run. Terminal reports whether the cursor of out can be moved.
func New(out io.Writer, terminal bool, opts options.Values) *View {
	v := &View{options: opts, now: time.Now, started: time.Now(), phase: "starting", rows: map[string]*row{}}
	if terminal {
		v.screen = newTerminalView(out, v)
	} else {
		v.screen = newLogView(out, v)
	}
	return v
}

// Write writes whole lines without disturbing the view.
func (v *View) Write(b []byte) (int, error) { return v.screen.Write(b) }

// Printf prints a line that stays.
func (v *View) Printf(format string, args ...any) { v.screen.printLine(fmt.Sprintf(format, args...)) }

// event shows an event.
func (v *View) event(format string, args ...any) { v.screen.event(fmt.Sprintf(format, args...)) }

// Removing shows that the run removes what it created.
func (v *View) Removing() { v.setPhase("cleaning up") }

// Close ends the view. Its last lines stay on the screen.
func (v *View) Close() {
	v.setPhase("done")
	v.screen.close()
}

// CellsPlanned shows the cells of the run.
func (v *View) CellsPlanned(cells []options.CellSpec) {
	v.mu.Lock()
	for _, spec := range cells {
		r := &row{spec: spec, epochs: map[int]uint64{}, state: "nothing acknowledged yet"}
		v.rows[spec.Name] = r
		v.order = append(v.order, r)
	}
	v.phase = "pre-chaos"
	v.mu.Unlock()
	v.screen.setRows(v.order)
}

// WritersReady shows that the writers have acknowledged their first records.
func (v *View) WritersReady(_ context.Context, cells []result.Cell) error {
	for _, c := range cells {
		v.event("%s: %s", c.DisplayName(), c.WriteSentence())
	}
	return nil
}

// BeforeChaos starts the clock of the chaos.
func (v *View) BeforeChaos(context.Context) error {
	v.mu.Lock()
	v.chaosStarted, v.phase = v.now(), phaseChaos
	v.mu.Unlock()
	if v.options.VolumeSource == options.Local {
		v.event("chaos: killing the writer every %s for %s", v.options.Interval, v.options.Duration)
		return nil
	}
	v.event("chaos: deleting writers every %s for %s", v.options.Interval, v.options.Duration)
	return nil
}

// RecordsAcknowledged counts acknowledged records. Acknowledgements are cumulative in an epoch.
func (v *View) RecordsAcknowledged(spec options.CellSpec, ack ledger.Ack) {
	v.update(spec, func(r *row) {
		r.state = stateWriting
		if ack.Seq > r.epochs[ack.Epoch] {
			r.records += ack.Seq - r.epochs[ack.Epoch]
			r.epochs[ack.Epoch] = ack.Seq
		}
		r.rate.add(v.now(), r.records)
	})
}

// BeforeDeletion shows the deletion of a writer.
func (v *View) BeforeDeletion(spec options.CellSpec, pod result.Pod) {
	var records uint64
	v.update(spec, func(r *row) {
		r.deletions++
		r.state = "recovering after a deletion"
		records = r.records
	})
	if spec.VolumeSource == options.Local {
		v.event("%s: killing the %s (%s acknowledged so far)", spec.DisplayName(), pod.Name, judge.Count(records, "record"))
		return
	}
	v.event("%s: deleting pod %s on node %s (%s acknowledged so far)",
		spec.DisplayName(), pod.Name, pod.Node, judge.Count(records, "record"))
}

// BeforeRead shows that the journal of a cell is read back.
func (v *View) BeforeRead(spec options.CellSpec) {
	v.update(spec, func(r *row) { r.state = "reading the journal back" })
	v.setPhase("post-chaos: reading back")
	v.event("%s: reading the journal back", spec.DisplayName())
}

// CellJudged shows the verdict of a cell.
func (v *View) CellJudged(judged result.Cell) {
	label := VerdictLabel(judged)
	v.update(judged.Spec, func(r *row) { r.verdict, r.state = label, judged.Reason })
	v.event("%s: %s: %s", judged.DisplayName(), label, judged.Reason)
}

// AllCellsJudged shows that every cell has its verdict.
func (v *View) AllCellsJudged(context.Context) error {
	v.Removing()
	return nil
}

// IsStopping returns false: to stop the run, a user cancels its context.
func (v *View) IsStopping(context.Context) bool { return false }

func (v *View) setPhase(phase string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.phase = phase
}

// update changes the row of a cell, if the cell was planned.
func (v *View) update(spec options.CellSpec, change func(*row)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r := v.rows[spec.Name]; r != nil {
		change(r)
	}
}

// VerdictLabel returns the verdict of a cell. The label of a control shows whether the
// run detected the loss of its data.
func VerdictLabel(c result.Cell) string {
	switch {
	case c.Spec.Control && c.LostAllData():
		return string(c.Verdict) + ", as expected"
	case c.Spec.Control && (c.Verdict == judge.Pass || c.Verdict == judge.Fail):
		return "Loss not detected"
	}
	return string(c.Verdict)
}
