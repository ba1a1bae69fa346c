// Package progress shows a run while it goes on: its phases, what is acknowledged and how
// fast, every deletion, every verdict. On a terminal these are lines that change; else
// plain lines, one for whatever has happened.
//
// It takes part in a run as its Hooks and changes nothing in it. It knows neither
// clusters nor how a result is shown once it is there.
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

// View is what somebody sees of one run.
type View struct {
	settings options.Values
	screen   screen
	now      func() time.Time

	mu    sync.Mutex
	began time.Time
	phase string
	// chaos is when it began; zero before.
	chaos     time.Time
	deletions int
	cells     map[string]*cell
	order     []*cell
}

// screen is where a view is shown.
type screen interface {
	io.Writer
	// say adds a line that stays.
	say(line string)
	// happened adds a line on something that a screen whose lines change shows in them.
	happened(line string)
	// planned shows the cells that there are.
	planned(cells []*cell)
	// close leaves the screen as it is, for others to write on.
	close()
}

// cell is what is known of one.
type cell struct {
	plan      options.CellSpec
	epochs    map[int]uint64
	records   uint64
	speed     meter
	deletions int
	doing     string
	word      string // the verdict's; empty where there is none yet
}

// New begins to show a run. Terminal says that out can move its cursor.
func New(out io.Writer, terminal bool, settings options.Values) *View {
	v := &View{settings: settings, now: time.Now, began: time.Now(), phase: "starting", cells: map[string]*cell{}}
	if terminal {
		v.screen = newBars(out, v)
	} else {
		v.screen = newLines(out, v)
	}
	return v
}

// Write shows what others have to say, whole lines, without disturbing the view.
func (v *View) Write(b []byte) (int, error) { return v.screen.Write(b) }

// Say adds a line that stays.
func (v *View) Say(format string, args ...any) { v.screen.say(fmt.Sprintf(format, args...)) }

// happened shows something that is over as soon as it is said.
func (v *View) happened(format string, args ...any) { v.screen.happened(fmt.Sprintf(format, args...)) }

// Removing says that the run is over, and what it made is on its way out.
func (v *View) Removing() { v.enter("removing what was made", "") }

// Close ends the view. What was shown last stays.
func (v *View) Close() {
	v.enter("over", "")
	v.screen.close()
}

// Planned shows what there is to try.
func (v *View) Planned(cells []options.CellSpec) {
	v.mu.Lock()
	for _, plan := range cells {
		c := &cell{plan: plan, epochs: map[int]uint64{}, doing: "no data yet"}
		v.cells[plan.Name] = c
		v.order = append(v.order, c)
	}
	v.phase = "before the chaos"
	v.mu.Unlock()
	v.screen.planned(v.order)
}

// Written shows that data is at stake.
func (v *View) Written(_ context.Context, cells []result.Cell) error {
	for _, c := range cells {
		v.happened("%s: %s", title(c.Plan), c.WriteSentence())
	}
	return nil
}

// ChaosBegins starts the clock of the chaos.
func (v *View) ChaosBegins(context.Context) error {
	v.mu.Lock()
	v.chaos, v.phase = v.now(), "chaos"
	v.mu.Unlock()
	v.happened("chaos: writers are deleted every %s for %s", v.settings.Interval, v.settings.Duration)
	return nil
}

// Acknowledged counts what is safe.
func (v *View) Acknowledged(plan options.CellSpec, ack ledger.Ack) {
	v.with(plan, func(c *cell) {
		c.doing = "writing"
		if ack.Seq > c.epochs[ack.Epoch] {
			c.records += ack.Seq - c.epochs[ack.Epoch]
			c.epochs[ack.Epoch] = ack.Seq
		}
		c.speed.add(v.now(), c.records)
	})
}

// Deleting shows a deletion.
func (v *View) Deleting(plan options.CellSpec, pod result.Pod) {
	var records uint64
	v.with(plan, func(c *cell) {
		c.deletions++
		v.deletions++
		c.doing = "deleted, coming back"
		records = c.records
	})
	v.happened("%s: %s on %s is deleted, %s acknowledged", title(plan), pod.Name, pod.Node, counted(records, "record"))
}

// Reading shows that a cell's journal is about to be read back.
func (v *View) Reading(plan options.CellSpec) {
	v.with(plan, func(c *cell) { c.doing = "being read back" })
	v.enter("reading back", title(plan)+": the journal is read back")
}

// Judged shows a cell's verdict.
func (v *View) Judged(judged result.Cell) {
	v.with(judged.Plan, func(c *cell) { c.word, c.doing = Word(judged), judged.Reason })
	v.happened("%s: %s: %s", title(judged.Plan), Word(judged), judged.Reason)
}

// ChaosEnded shows that all is judged.
func (v *View) ChaosEnded(context.Context) error {
	v.Removing()
	return nil
}

// Stopping is never: who wants the run to stop cancels its context.
func (v *View) Stopping(context.Context) bool { return false }

// enter begins a phase, and says a line if there is one.
func (v *View) enter(phase, line string) {
	v.mu.Lock()
	v.phase = phase
	v.mu.Unlock()
	if line != "" {
		v.screen.happened(line)
	}
}

// with changes a cell, if it is one that was planned.
func (v *View) with(plan options.CellSpec, change func(*cell)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.cells[plan.Name]; c != nil {
		change(c)
	}
}

// title is what a cell is called.
func title(plan options.CellSpec) string {
	switch {
	case plan.Name != "":
		return plan.Name
	case plan.ExistingClaim != "":
		return plan.ExistingClaim
	case plan.VolumeSource == options.EmptyDir:
		return "emptyDir"
	case plan.StorageClass != "":
		return plan.StorageClass
	}
	return "default class"
}

// Word says a verdict in one word or a few. A control that lost its data did what it must.
func Word(c result.Cell) string {
	switch {
	case c.Plan.Control && c.LostAllData():
		return "lost, as it must"
	case c.Plan.Control && c.Verdict == judge.Fail:
		return "failed, but not as it must"
	case c.Verdict == judge.Pass:
		return "kept"
	case c.Verdict == judge.Fail:
		return "LOST"
	case c.Verdict == judge.Error:
		return "could not tell"
	case c.Verdict == judge.NotApplicable:
		return "not applicable"
	case c.Verdict == judge.Stopped:
		return "stopped"
	case c.Verdict == judge.Skipped:
		return "skipped"
	}
	return string(c.Verdict)
}

func counted(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
