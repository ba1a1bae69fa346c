package faultvolume

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/volume-durability/volume-durability/tests/faultfs/event"
)

// processTimeout limits how long the faultfs process takes to mount, and to end.
const processTimeout = 20 * time.Second

// Fault has the values of faultfs's flags -fault and -at.
type Fault struct {
	What, When string
}

// Mount is a faultfs process and its mount.
type Mount struct {
	// Path is the mount point.
	Path string

	dir, control string
	process      *exec.Cmd
	exited       chan struct{}

	mu     sync.Mutex
	events []event.Event
	// mounted is closed when faultfs reports that it has mounted.
	mounted chan struct{}
}

// NewMount mounts faultfs below dir, which it creates. The fault has one target, the file
// that the pattern names. The caller must call Remove, also after an error.
func NewMount(ctx context.Context, program, dir, pattern string, fault Fault) (*Mount, error) {
	m := &Mount{
		Path: filepath.Join(dir, "mount"), dir: dir, control: filepath.Join(dir, "control"),
		exited: make(chan struct{}), mounted: make(chan struct{}),
	}
	for _, d := range []string{filepath.Join(dir, "data"), m.Path} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return m, err
		}
		// The pods write as a user that this machine does not know.
		if err := os.Chmod(d, 0o777); err != nil {
			return m, err
		}
	}
	if err := m.start(program, pattern, fault); err != nil {
		return m, fmt.Errorf("starting faultfs: %w", err)
	}
	return m, m.awaitMounted(ctx)
}

func (m *Mount) start(program, pattern string, fault Fault) error {
	m.process = exec.Command(program, "-fault", fault.What, "-at", fault.When, "-file", pattern, "-control", m.control,
		filepath.Join(m.dir, "data"), m.Path)
	m.process.Stderr = os.Stderr
	stdout, err := m.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := m.process.Start(); err != nil {
		m.process = nil
		return err
	}
	go func() {
		defer close(m.exited)
		m.readEvents(stdout)
		// Only its events matter, not its exit status.
		_ = m.process.Wait()
	}()
	return nil
}

func (m *Mount) readEvents(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event.Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		m.mu.Lock()
		m.events = append(m.events, e)
		m.mu.Unlock()
		if e.Kind == event.Mounted {
			close(m.mounted)
		}
	}
}

func (m *Mount) awaitMounted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	select {
	case <-m.mounted:
		return nil
	case <-m.exited:
		return errors.New("faultfs ended before it had mounted")
	case <-ctx.Done():
		return fmt.Errorf("waiting for faultfs to mount: %w", ctx.Err())
	}
}

// FirstEvent returns the first event of a kind, and whether there was one.
func (m *Mount) FirstEvent(kind event.Kind) (event.Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Kind == kind {
			return e, true
		}
	}
	return event.Event{}, false
}

// Heal ends all hanging calls.
func (m *Mount) Heal() error {
	pipe, err := os.OpenFile(m.control, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("healing %s: %w", m.Path, err)
	}
	_, err = pipe.WriteString("heal\n")
	return errors.Join(err, pipe.Close())
}

// Remove unmounts, ends the process and removes everything below the mount's folder.
func (m *Mount) Remove(ctx context.Context) error {
	var stopped error
	if m.process != nil {
		stopped = m.stop(ctx)
	}
	if isMount(m.Path) {
		return errors.Join(stopped, fmt.Errorf("%s is still mounted", m.Path))
	}
	return errors.Join(stopped, os.RemoveAll(m.dir))
}

func (m *Mount) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	if err := m.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-m.exited:
		return nil
	case <-ctx.Done():
		err := errors.Join(ctx.Err(), m.process.Process.Kill())
		return fmt.Errorf("faultfs (process %d) did not end: %w", m.process.Process.Pid, err)
	}
}

// isMount reports whether an existing folder is on another filesystem than its parent.
func isMount(path string) bool {
	var own, parent syscall.Stat_t
	if err := errors.Join(syscall.Lstat(path, &own), syscall.Lstat(filepath.Dir(path), &parent)); err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	return own.Dev != parent.Dev
}
