package progress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// frame renders the view as lines that fit a terminal. It leaves out cells if there are more than lines.
func (v *View) frame(width, height int) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	lines := []string{v.phaseLine(width)}
	if len(v.order) > 1 {
		lines = append(lines, style.ShortenEnd(v.counts(), width))
	}
	if len(v.order) == 0 {
		return lines
	}
	rows := slices.Clone(v.order)
	slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(a.rank(), b.rank()) })
	l := v.layout(width)
	head, state := l.render("CELL", "RECORDS", v.deletionsHead(), "STATE")
	lines = append(lines, head+state)
	room := height - len(lines)
	shown := rows
	if len(rows) > room {
		shown = rows[:max(0, room-1)]
	}
	for _, r := range shown {
		lines = append(lines, v.rowLine(r, l))
	}
	if hidden := rows[len(shown):]; len(hidden) > 0 {
		lines = append(lines, v.palette.Faint(style.ShortenEnd(fmt.Sprintf("  … and %s", v.describe(hidden)), width)))
	}
	return lines
}

// deletionsHead is the title of the column with the deletions. A local run kills its writers.
func (v *View) deletionsHead() string {
	if v.options.VolumeSource == options.Local {
		return "KILLS"
	}
	return "DELETIONS"
}

// rank returns the place of a cell in the order of the rows: failed cells and running ones come first.
func (r *row) rank() int {
	switch {
	case r.failed:
		return 0
	case r.isRunning():
		return 1
	case r.activity == judged:
		return 2
	}
	return 3
}

// counts returns how many cells are in each state.
func (v *View) counts() string { return judge.Count(len(v.order), "cell") + ": " + v.describe(v.order) }

// describe counts rows by their state.
func (v *View) describe(rows []*row) string {
	var done, failed, running, halted, queued int
	for _, r := range rows {
		switch {
		case r.activity == judged:
			done++
		case r.activity == stopped:
			halted++
		case r.isRunning():
			running++
		default:
			queued++
		}
		if r.failed {
			failed++
		}
	}
	var counts []string
	add := func(n int, format string, args ...any) {
		if n > 0 {
			counts = append(counts, fmt.Sprintf(format, args...))
		}
	}
	if failed > 0 {
		add(done, "%d done (%d not passed)", done, failed)
	} else {
		add(done, "%d done", done)
	}
	add(running, "%d running", running)
	add(halted, "%d stopped", halted)
	add(queued, "%d queued", queued)
	return strings.Join(counts, ", ")
}

// layout is the width of each column; 0 leaves a column out. The last column has the rest of the line.
type layout struct {
	name, records, deletions, total int
	// shortNames has the names of the cells as they fit the column.
	shortNames map[string]string
}

// layout returns the widths of the columns on a terminal.
func (v *View) layout(width int) layout {
	const narrow, wide = 60, 100
	l := layout{name: len("CELL"), records: len("RECORDS"), deletions: len("DELETIONS"), total: width}
	for _, r := range v.order {
		l.name = max(l.name, runewidth.StringWidth(r.spec.DisplayName()))
		l.records = max(l.records, len(judge.FormatCount(r.records)))
	}
	switch {
	case width < narrow:
		l.name, l.deletions = min(l.name, max(width/4, 4)), 0
	case width < wide:
		l.name = min(l.name, 22)
	default:
		l.name = min(l.name, width/3)
	}
	names := make([]string, len(v.order))
	for i, r := range v.order {
		names[i] = r.spec.DisplayName()
	}
	l.shortNames = map[string]string{}
	for i, short := range style.ShortenNames(names, l.name) {
		l.shortNames[names[i]] = short
		l.name = max(l.name, runewidth.StringWidth(short))
	}
	return l
}

// render renders the columns of a line, the last one on its own.
func (l layout) render(name, records, deletions, state string) (head, last string) {
	name = style.Pad(name, l.name, false)
	head = "  " + name + "  " + style.Pad(records, l.records, true) + "  "
	if l.deletions > 0 {
		head += style.Pad(deletions, l.deletions, true) + "  "
	}
	return head, style.ShortenEnd(state, l.total-runewidth.StringWidth(head))
}

// rowLine renders the line of a cell.
func (v *View) rowLine(r *row, l layout) string {
	head, state := l.render(l.shortNames[r.spec.DisplayName()], judge.FormatCount(r.records), fmt.Sprint(r.deletions),
		r.state(v.now(), v.options.WriteRate))
	switch r.activity {
	case queued:
		return v.palette.Faint(head + state)
	case judged:
		return head + v.palette.Verdict(state)
	case stopped:
		return head + v.palette.Notice(state)
	case waiting, removing:
		return head + v.palette.Notice(state)
	}
	return head + state
}

// phaseLine renders the line of the run as a whole.
func (v *View) phaseLine(width int) string {
	head := fmt.Sprintf("%6s  %s", v.elapsed(), v.phase)
	if v.phase != phaseChaos {
		return style.ShortenEnd(head, width)
	}
	passed := min(v.now().Sub(v.chaosStarted), v.options.Duration)
	tail := fmt.Sprintf(" %s of %s", passed.Truncate(time.Second), v.options.Duration)
	share := float64(passed) / float64(v.options.Duration)
	return style.ShortenEnd(head+" "+bar(share, min(40, width-len(head)-len(tail)-2))+tail, width)
}

// bar renders a progress bar of which a share is filled.
func bar(share float64, width int) string {
	if width < 4 {
		return ""
	}
	full := int(share * float64(width))
	return strings.Repeat("━", full) + strings.Repeat("─", width-full)
}
