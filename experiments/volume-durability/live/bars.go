package live

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// refresh is how often a terminal is drawn.
const refresh = 200 * time.Millisecond

// bars is a screen whose last lines change: one for the phase, one for each cell.
type bars struct {
	view     *View
	out      io.Writer
	progress *mpb.Progress
	all      []*mpb.Bar
	closed   atomic.Bool
}

func newBars(out io.Writer, v *View) *bars {
	b := &bars{view: v, out: out, progress: mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(refresh), mpb.WithAutoRefresh())}
	b.add(v.phaseLine)
	return b
}

// add adds a line that is drawn anew each time, as wide as it may be.
func (b *bars) add(line func(width int) string) {
	b.all = append(b.all, b.progress.New(0, filler(line), mpb.BarFillerTrim()))
}

// filler fills a bar with a line of text.
type filler func(width int) string

// Build makes what mpb draws.
func (f filler) Build() mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		_, err := io.WriteString(w, runewidth.Truncate(f(s.AvailableWidth), s.AvailableWidth, "…"))
		return err
	})
}

// Write shows lines above those that change.
func (b *bars) Write(p []byte) (int, error) {
	if b.closed.Load() {
		return b.out.Write(p)
	}
	return b.progress.Write(p)
}

func (b *bars) say(line string) {
	// Who cannot be shown the progress is still told the result.
	_, _ = fmt.Fprintf(b, "%6s  %s\n", b.view.elapsed(), line)
}

// happened is in the lines that change: who looks at them sees it.
func (b *bars) happened(string) {}

func (b *bars) planned(cells []*cell) {
	names := 0
	for _, c := range cells {
		names = max(names, runewidth.StringWidth(title(c.plan)))
	}
	for _, c := range cells {
		b.add(func(int) string { return b.view.cellLine(c, min(names, longestName)) })
	}
}

func (b *bars) close() {
	b.closed.Store(true)
	for _, bar := range b.all {
		bar.SetTotal(-1, true)
	}
	b.progress.Wait()
}

// longestName is how much of a cell's name a line has room for.
const longestName = 40

// cellLine is what a terminal shows of a cell.
func (v *View) cellLine(c *cell, names int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := runewidth.FillRight(runewidth.Truncate(title(c.plan), names, "…"), names)
	rate := "      "
	if c.word == "" {
		rate = fmt.Sprintf("%4.0f/s", c.speed.rate(v.now()))
	}
	state := c.doing
	if c.word != "" {
		state = c.word + ": " + c.doing
	}
	return fmt.Sprintf("  %s  %8d records safe  %s  %s  %s", name, c.records, rate, deletions(c.deletions), state)
}

func deletions(n int) string {
	if n == 1 {
		return " 1 deletion "
	}
	return fmt.Sprintf("%2d deletions", n)
}

// phaseLine is what a terminal shows of the run as a whole.
func (v *View) phaseLine(width int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	head := fmt.Sprintf("%6s  %s", v.elapsed(), v.phase)
	if v.phase != "chaos" {
		return head
	}
	passed := min(v.now().Sub(v.chaos), v.settings.Duration)
	tail := fmt.Sprintf(" %s of %s", passed.Truncate(time.Second), v.settings.Duration)
	return head + " " + bar(float64(passed)/float64(v.settings.Duration), min(40, width-len(head)-len(tail)-2)) + tail
}

// bar is so much of a bar filled.
func bar(share float64, width int) string {
	if width < 4 {
		return ""
	}
	full := int(share * float64(width))
	return strings.Repeat("━", full) + strings.Repeat("─", width-full)
}
