package progress

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/cupwriter"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
)

// refreshInterval is the time between two updates of a terminal.
const refreshInterval = 200 * time.Millisecond

// terminalView is a screen whose last lines are updated in place.
type terminalView struct {
	view *View
	out  io.Writer

	mu     sync.Mutex
	writer *cupwriter.Writer
	closed bool

	closing    sync.Once
	stop, done chan struct{}
}

func newTerminalView(out io.Writer, v *View) *terminalView {
	t := &terminalView{
		view: v, out: out, writer: cupwriter.New(out, false), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go t.refresh()
	return t
}

// refresh updates the lines at regular intervals.
func (t *terminalView) refresh() {
	defer close(t.done)
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-ticker.C:
			t.update()
		}
	}
}

func (t *terminalView) update() {
	// If this cannot be written, the result still is.
	_ = t.draw(nil)
}

// draw writes lines that stay, and below them the lines that are updated.
func (t *terminalView) draw(above []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	if len(above) > 0 {
		t.writer.Write(append(bytes.TrimSuffix(above, []byte("\n")), '\n'))
	}
	frame := t.view.frame(t.size())
	for _, line := range frame {
		t.writer.WriteString(line + "\n")
	}
	// The terminal shows ^C where the cursor is. Moving the cursor up does not change its column.
	if _, err := io.WriteString(t.out, "\r"); err != nil {
		return err
	}
	return t.writer.Flush(len(frame))
}

// size returns the number of columns and lines that can be used. The cursor stays below the last line.
func (t *terminalView) size() (columns, lines int) {
	columns, lines, ok := style.Size(t.out)
	if !ok {
		return 80, 23
	}
	return columns, lines - 1
}

// Write writes lines above those that are updated.
func (t *terminalView) Write(p []byte) (int, error) {
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return style.Wrapping(t.out).Write(p)
	}
	return len(p), t.draw([]byte(style.Wrap(string(p), style.WrapWidth(t.out))))
}

func (t *terminalView) printLine(line string) {
	// If this cannot be written, the result still is.
	_, _ = io.WriteString(t, t.view.wrapped(line, t.out))
}

// event prints nothing: the lines that are updated show it.
func (t *terminalView) event(string) {}

func (t *terminalView) close() {
	t.update()
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.closing.Do(func() { close(t.stop) })
	<-t.done
}
