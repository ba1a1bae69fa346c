package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
)

// logInterval is the time between two lines on what the running cells do.
const logInterval = 5 * time.Second

// logView is a screen that keeps every line: a file, a pipe or a log.
type logView struct {
	view *View

	mu  sync.Mutex
	out io.Writer

	closing    sync.Once
	stop, done chan struct{}
}

func newLogView(out io.Writer, v *View) *logView {
	l := &logView{view: v, out: out, stop: make(chan struct{}), done: make(chan struct{})}
	go l.logProgress()
	return l
}

// logProgress prints what the running cells do at regular intervals.
func (l *logView) logProgress() {
	defer close(l.done)
	ticker := time.NewTicker(logInterval)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			if line := l.view.progressLine(); line != "" {
				l.printLine(line)
			}
		}
	}
}

// progressLine returns what the running cells do; empty if no cell is running.
func (v *View) progressLine() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var running []string
	for _, r := range v.order {
		if r.isRunning() {
			state := r.shortState(v.now(), v.options.WriteRate)
			running = append(running, fmt.Sprintf("%s %s (%s)", r.spec.DisplayName(), judge.FormatCount(r.records), state))
		}
	}
	if len(running) == 0 {
		return ""
	}
	line := "records acknowledged: " + strings.Join(running, ", ")
	if len(v.order) > 1 {
		line = v.counts() + "; " + line
	}
	return line
}

func (l *logView) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return style.Wrapping(l.out).Write(b)
}

func (l *logView) printLine(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// If this cannot be written, the result still is.
	_, _ = io.WriteString(l.out, l.view.wrapped(line, l.out))
}

func (l *logView) event(line string) { l.printLine(line) }

// update prints nothing: changes are printed as events, and at regular intervals.
func (l *logView) update() {}

func (l *logView) close() {
	l.closing.Do(func() { close(l.stop) })
	<-l.done
}
