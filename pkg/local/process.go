package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/transcript"
)

// process is one run of the helper, in a process group of its own: a Ctrl-C at the
// terminal reaches only the run, which then ends the helper.
type process struct {
	*transcript.Transcript
	cmd      *exec.Cmd
	announce func(protocol.Rereading)
	// exited is closed once the process is gone and all that it wrote was read.
	exited chan struct{}
	err    error // how it exited; set before exited is closed
	stderr tail
}

// helperRun is one run of the helper to start.
type helperRun struct {
	command []string
	// known are the lists that the command tells the helper to omit.
	known protocol.KnownLists
	// onAck is called with each acknowledgement, and announce before the journal is read again. They may be nil.
	onAck    func(ledger.Ack)
	announce func(protocol.Rereading)
}

// start runs the helper. Its acknowledgements are added to a ledger.
func (r helperRun) start(ctx context.Context, l *ledger.Ledger) (*process, error) {
	onAck, command := r.onAck, r.command
	if onAck == nil {
		onAck = func(ledger.Ack) {}
	}
	p := &process{
		announce:   r.announce,
		Transcript: transcript.New(ctx, l, onAck),
		cmd:        exec.Command(command[0], command[1:]...),
		exited:     make(chan struct{}),
	}
	p.SetKnownLists(r.known)
	p.cmd.SysProcAttr = ownGroup()
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	go p.read(out)
	return p, nil
}

// read takes all that the process writes, then waits for the process.
func (p *process) read(out io.Reader) {
	defer close(p.exited)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, protocol.MaxLine)
	var malformed error
	for lines.Scan() {
		// The last line of a killed process may be cut: that loses an acknowledgement,
		// and never invents one.
		m, err := p.Add(lines.Bytes())
		switch {
		case err != nil:
			malformed = fmt.Errorf("unexpected line in the helper's output: %w", err)
		case m.Rereading != nil && p.announce != nil:
			p.announce(*m.Rereading)
		}
	}
	_, _ = io.Copy(io.Discard, out) // a writer must not block on a full pipe
	p.err = p.cmd.Wait()
	p.End(p.exitError(errors.Join(malformed, lines.Err())))
}

// exitError returns why the process ended; nil if it ended well or by our signal.
func (p *process) exitError(reading error) error {
	var exit *exec.ExitError
	if p.err == nil || errors.As(p.err, &exit) && !exit.Exited() {
		return reading
	}
	return errors.Join(fmt.Errorf("the helper ended with %w: %s", p.err, p.stderr.String()), reading)
}

// await returns once the process is gone, or the error of ctx.
func (p *process) await(ctx context.Context) error {
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// signal sends a signal to the process. A process that is gone is no error.
func (p *process) signal(s syscall.Signal) error {
	err := p.cmd.Process.Signal(s)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return fmt.Errorf("sending %s to process %d: %w", s, p.cmd.Process.Pid, err)
}

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// maxTail bounds what a tail keeps, in bytes.
const maxTail = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if extra := len(t.kept) - maxTail; extra > 0 {
		t.kept = t.kept[extra:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
