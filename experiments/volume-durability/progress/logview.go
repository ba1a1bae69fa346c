package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// logInterval is the time between two lines on the progress of the writers.
const logInterval = 5 * time.Second

// logView is a screen that keeps every line: a file, a pipe or a log.
type logView struct {
	view *View

	mu  sync.Mutex
	out io.Writer

	stop chan struct{}
	done chan struct{}
}

func newLogView(out io.Writer, v *View) *logView {
	l := &logView{view: v, out: out, stop: make(chan struct{}), done: make(chan struct{})}
	go l.logWriters()
	return l
}

// logWriters prints the progress of the writers at regular intervals.
func (l *logView) logWriters() {
	defer close(l.done)
	ticker := time.NewTicker(logInterval)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			if line := l.view.writersLine(); line != "" {
				l.printLine(line)
			}
		}
	}
}

// writersLine returns the progress of the writers; empty if none is writing.
func (v *View) writersLine() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var writing []string
	for _, r := range v.order {
		if r.state == stateWriting {
			writing = append(writing, fmt.Sprintf("%s %s (%s/s)",
				r.spec.DisplayName(), judge.FormatCount(r.records), formatRate(r.rate.perSecond(v.now()))))
		}
	}
	if len(writing) == 0 {
		return ""
	}
	return "records acknowledged: " + strings.Join(writing, ", ")
}

func (l *logView) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}

func (l *logView) printLine(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// If this cannot be written, the result still is.
	_, _ = fmt.Fprintf(l.out, "%6s  %s\n", l.view.elapsed(), line)
}

func (l *logView) event(line string) { l.printLine(line) }

// elapsed returns the time since the start of the run.
func (v *View) elapsed() string { return v.now().Sub(v.started).Round(time.Second).String() }

func (l *logView) setRows(rows []*row) {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.spec.DisplayName()
	}
	l.printLine("cells: " + strings.Join(names, ", "))
}

func (l *logView) close() {
	close(l.stop)
	<-l.done
}
