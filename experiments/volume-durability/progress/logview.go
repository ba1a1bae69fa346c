package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// pulse is how often lines say how far the writers are.
const pulse = 5 * time.Second

// lines is a screen that keeps every line: a file, a pipe, a log.
type lines struct {
	view *View

	mu  sync.Mutex
	out io.Writer

	stop chan struct{}
	done chan struct{}
}

func newLines(out io.Writer, v *View) *lines {
	l := &lines{view: v, out: out, stop: make(chan struct{}), done: make(chan struct{})}
	go l.beat()
	return l
}

// beat says how far the writers are, while any writes.
func (l *lines) beat() {
	defer close(l.done)
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			if line := l.view.progress(); line != "" {
				l.say(line)
			}
		}
	}
}

// progress is how far the writers are; empty where none writes.
func (v *View) progress() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var said []string
	for _, c := range v.order {
		if c.doing == "writing" {
			said = append(said, fmt.Sprintf("%s %d (%.0f/s)", title(c.plan), c.records, c.speed.rate(v.now())))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return "records acknowledged: " + strings.Join(said, ", ")
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}

func (l *lines) say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Who cannot be shown the progress is still told the result.
	_, _ = fmt.Fprintf(l.out, "%6s  %s\n", l.view.elapsed(), line)
}

func (l *lines) happened(line string) { l.say(line) }

// elapsed is the time since the run began.
func (v *View) elapsed() string { return v.now().Sub(v.began).Round(time.Second).String() }

func (l *lines) planned(cells []*cell) {
	names := make([]string, len(cells))
	for i, c := range cells {
		names[i] = title(c.plan)
	}
	l.say("trying " + strings.Join(names, ", "))
}

func (l *lines) close() {
	close(l.stop)
	<-l.done
}
