// Package progress shows a run while it executes: its phases, what each cell does or waits
// for, how many records are acknowledged, and every verdict. On a terminal it updates a
// table of the cells in place; otherwise it prints a line for each event, and every 5 seconds a line on the running
// cells.
//
// A View implements run.Hooks and does not change the run. It does not access the
// cluster, and does not print the result at the end.
package progress

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// phaseChaos is the phase in which the view shows how much of its time has passed.
const phaseChaos = "chaos"

// View shows the progress of one run.
type View struct {
	options options.Values
	palette style.Palette
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
	// update shows the current state of the view.
	update()
	// close leaves the screen as it is, so that others can write to it.
	close()
}

// New returns a view of a run. If out is a terminal whose cursor can be moved, the view updates its lines in place.
func New(out io.Writer, when style.When, opts options.Values) *View {
	v := newView(when.Palette(out), opts, time.Now)
	if style.HasCursor(out) {
		v.screen = newTerminalView(out, v)
	} else {
		v.screen = newLogView(out, v)
	}
	return v
}

func newView(palette style.Palette, opts options.Values, now func() time.Time) *View {
	return &View{
		options: opts, palette: palette, now: now, started: now(), phase: "starting", rows: map[string]*row{},
	}
}

// Write writes whole lines without disturbing the view.
func (v *View) Write(b []byte) (int, error) { return v.screen.Write(b) }

// Printf prints a line that stays.
func (v *View) Printf(format string, args ...any) { v.screen.printLine(fmt.Sprintf(format, args...)) }

// event shows an event.
func (v *View) event(format string, args ...any) { v.screen.event(fmt.Sprintf(format, args...)) }

// Removing shows that the run removes what it created.
func (v *View) Removing() {
	v.mu.Lock()
	for _, r := range v.order {
		r.remove(v.now())
	}
	v.mu.Unlock()
	v.PhaseChanged("cleaning up")
}

// Close ends the view. Its last lines stay on the screen. A cell without a verdict was stopped.
func (v *View) Close() {
	phase := "done"
	v.mu.Lock()
	for _, r := range v.order {
		if r.activity != judged {
			r.activity = stopped
		}
		if r.activity == stopped || r.verdict == string(judge.Stopped) {
			phase = "stopped"
		}
	}
	v.mu.Unlock()
	v.PhaseChanged(phase)
	v.screen.close()
}

// CellsPlanned shows the cells of the run.
func (v *View) CellsPlanned(cells []options.CellSpec) {
	v.mu.Lock()
	names := make([]string, len(cells))
	for i, spec := range cells {
		r := newRow(spec)
		v.rows[spec.Name] = r
		v.order = append(v.order, r)
		names[i] = spec.DisplayName()
	}
	v.phase = "pre-chaos"
	v.mu.Unlock()
	v.event("cells: %s", listed(names))
	v.screen.update()
}

// PhaseChanged shows the phase of the current batch of cells.
func (v *View) PhaseChanged(phase string) {
	v.mu.Lock()
	v.phase = phase
	if phase == phaseChaos {
		v.chaosStarted = v.now()
	}
	v.mu.Unlock()
	v.screen.update()
}

// WritersReady shows that the writers have acknowledged their first records.
func (v *View) WritersReady(_ context.Context, cells []result.Cell) error {
	for _, c := range cells {
		v.event("%s: %s", c.DisplayName(), c.WriteSentence())
	}
	return nil
}

// BeforeChaos shows that the chaos begins.
func (v *View) BeforeChaos(context.Context) error {
	v.PhaseChanged(phaseChaos)
	action := "deleting writers"
	if v.options.VolumeSource == options.Local {
		action = "killing the writer"
	}
	v.event("chaos: %s every %s for %s", action, interval(v.options), v.options.Duration)
	return nil
}

// interval returns the time between two deletions, or its range if it is random.
func interval(o options.Values) string {
	if o.MinInterval == 0 || o.MinInterval >= o.Interval {
		return o.Interval.String()
	}
	return fmt.Sprintf("%s to %s", o.MinInterval, o.Interval)
}

// WaitingFor shows the step that a cell waits for.
func (v *View) WaitingFor(spec options.CellSpec, step, reason string) {
	reason = options.UseFlags(reason)
	isNew := false
	v.update(spec, func(r *row) {
		r.waitFor(step, reason, v.now())
		isNew = r.isNew(reason)
	})
	if isNew {
		v.event("%s: %s: %s", spec.DisplayName(), step, reason)
	}
}

// RecordsAcknowledged counts acknowledged records. Acknowledgements are cumulative in an epoch.
func (v *View) RecordsAcknowledged(spec options.CellSpec, ack ledger.Ack) {
	var recovered time.Duration
	v.update(spec, func(r *row) { recovered = r.acknowledge(ack, v.now()) })
	if recovered > 0 {
		v.event("%s: back after %s", spec.DisplayName(), shortDuration(recovered))
	}
}

// BeforeDeletion shows the deletion of a writer.
func (v *View) BeforeDeletion(spec options.CellSpec, pod result.Pod) {
	var records uint64
	v.update(spec, func(r *row) {
		r.delete(v.now())
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
	const step = "reading the journal back"
	v.update(spec, func(r *row) { r.read(step, v.now()) })
	v.PhaseChanged("post-chaos")
	v.event("%s: %s", spec.DisplayName(), step)
}

// CellJudged shows the verdict of a cell.
func (v *View) CellJudged(judged result.Cell) {
	judged = judged.EditTexts(options.UseFlags)
	label := VerdictLabel(judged)
	isNew := true
	v.update(judged.Spec, func(r *row) {
		r.judge(judged, label)
		isNew = r.isNew(judged.Reason)
	})
	if !isNew { // the cell has waited for others
		v.event("%s: %s", judged.Spec.DisplayName(), label)
		return
	}
	v.event("%s: %s: %s", judged.Spec.DisplayName(), label, judged.Reason)
}

// AllCellsJudged shows that every cell has its verdict.
func (v *View) AllCellsJudged(context.Context) error {
	v.Removing()
	return nil
}

// IsStopping returns false: to stop the run, a user cancels its context.
func (v *View) IsStopping(context.Context) bool { return false }

// update changes the row of a cell, if the cell was planned.
func (v *View) update(spec options.CellSpec, change func(*row)) {
	v.mu.Lock()
	if r := v.rows[spec.Name]; r != nil {
		change(r)
	}
	v.mu.Unlock()
}

// wrapped returns a line that stays, with its time. On a terminal it is wrapped.
func (v *View) wrapped(line string, out io.Writer) string {
	width := style.WrapWidth(out)
	head := fmt.Sprintf("%6s  ", v.elapsed())
	return style.Wrap(style.Hang(head, strings.TrimSuffix(line, "\n"), width), width) + "\n"
}

// elapsed returns the time since the start of the run.
func (v *View) elapsed() string { return v.now().Sub(v.started).Round(time.Second).String() }

// listed joins the first names, so that the line of many cells stays readable.
func listed(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
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
