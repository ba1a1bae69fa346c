package progress

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// refreshInterval is the time between two updates of a terminal.
const refreshInterval = 200 * time.Millisecond

// terminalView is a screen whose last lines are updated in place: one for the phase, and
// one for each cell.
type terminalView struct {
	view     *View
	out      io.Writer
	progress *mpb.Progress
	bars     []*mpb.Bar
	closed   atomic.Bool
}

func newTerminalView(out io.Writer, v *View) *terminalView {
	container := mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(refreshInterval), mpb.WithAutoRefresh())
	t := &terminalView{view: v, out: out, progress: container}
	t.addLine(v.phaseLine)
	return t
}

// addLine adds a line that is rendered at every update.
func (t *terminalView) addLine(line func(width int) string) {
	t.bars = append(t.bars, t.progress.New(0, lineFiller(line), mpb.BarFillerTrim()))
}

// lineFiller fills a bar with a line of text. It is called with the width in columns.
type lineFiller func(width int) string

// Build returns the filler for mpb.
func (f lineFiller) Build() mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		_, err := io.WriteString(w, runewidth.Truncate(f(s.AvailableWidth), s.AvailableWidth, "…"))
		return err
	})
}

// Write writes lines above those that are updated.
func (t *terminalView) Write(p []byte) (int, error) {
	if t.closed.Load() {
		return t.out.Write(p)
	}
	return t.progress.Write(p)
}

func (t *terminalView) printLine(line string) {
	// If this cannot be written, the result still is.
	_, _ = fmt.Fprintf(t, "%6s  %s\n", t.view.elapsed(), line)
}

// event prints nothing: the lines that are updated show it.
func (t *terminalView) event(string) {}

func (t *terminalView) setRows(rows []*row) {
	width := 0
	for _, r := range rows {
		width = max(width, runewidth.StringWidth(r.spec.DisplayName()))
	}
	for _, r := range rows {
		t.addLine(func(int) string { return t.view.rowLine(r, min(width, maxNameWidth)) })
	}
}

func (t *terminalView) close() {
	t.closed.Store(true)
	for _, bar := range t.bars {
		bar.SetTotal(-1, true)
	}
	t.progress.Wait()
}

// maxNameWidth is the number of columns for the name of a cell.
const maxNameWidth = 40

// rowLine renders the line of a cell.
func (v *View) rowLine(r *row, nameWidth int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := runewidth.FillRight(runewidth.Truncate(r.spec.DisplayName(), nameWidth, "…"), nameWidth)
	perSecond, state := fmt.Sprintf("%4s/s", formatRate(r.rate.perSecond(v.now()))), r.state
	if r.verdict != "" {
		perSecond, state = "      ", r.verdict+": "+r.state
	}
	return fmt.Sprintf("  %s  %8s acknowledged  %s  %s  %s",
		name, judge.FormatCount(r.records), perSecond, deletions(r.deletions), state)
}

func deletions(n int) string {
	const width = len("12 deletions")
	text := judge.Count(n, "deletion")
	if n == 1 {
		text += " " // aligns the noun with its plural
	}
	return fmt.Sprintf("%*s", width, text)
}

// phaseLine renders the line of the run as a whole.
func (v *View) phaseLine(width int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	head := fmt.Sprintf("%6s  %s", v.elapsed(), v.phase)
	if v.phase != phaseChaos {
		return head
	}
	passed := min(v.now().Sub(v.chaosStarted), v.options.Duration)
	tail := fmt.Sprintf(" %s of %s", passed.Truncate(time.Second), v.options.Duration)
	share := float64(passed) / float64(v.options.Duration)
	return head + " " + bar(share, min(40, width-len(head)-len(tail)-2)) + tail
}

// bar renders a progress bar of which a share is filled.
func bar(share float64, width int) string {
	if width < 4 {
		return ""
	}
	full := int(share * float64(width))
	return strings.Repeat("━", full) + strings.Repeat("─", width-full)
}
