package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// buildProgram builds volume-durability as make does, so that the build cache is shared.
func buildProgram(ctx context.Context, folder string) (string, error) {
	path := filepath.Join(folder, "volume-durability")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-gcflags", "all=-dwarf=false", "-ldflags", "-s -w",
		"-o", path, "github.com/volume-durability/volume-durability/experiments/volume-durability")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building volume-durability: %w\n%s", err, output)
	}
	return path, nil
}

// program runs volume-durability on a stage.
type program struct {
	path string
	*stage
}

// local runs volume-durability local, which kills the writer, and returns what it found.
func (p program) local(ctx context.Context, args ...string) (Outcome, error) {
	all := []string{
		"local", p.mnt(), "-ojson", "--log-level=error", "--bundle", filepath.Join(p.work, "bundle"),
		"--total-chaos-duration=2", "--chaos-interval=1", "--status-check-timeout=20", "--verify-timeout=120",
		"--between-timeout=" + patience.String(),
	}
	output, err := p.run(ctx, append(all, args...)...)
	if err != nil {
		return Outcome{}, err
	}
	var r result.Result
	if err := json.Unmarshal(output, &r); err != nil {
		return Outcome{}, fmt.Errorf("reading the result of a run: %w: %s", err, tail(string(output)))
	}
	cell := r.Cells[0]
	o := newOutcome(r.Verdict, cell.Findings, r.Reason)
	if cell.Reader != nil {
		o.setRecords(cell.Reader.Judgement)
	}
	if o.Verdict == Failed {
		o.WriterError = errnoIn(r.Reason)
	}
	return o, nil
}

// run runs the program and returns its standard output. The exit code of a verdict is no error.
func (p program) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := p.command(ctx, p.path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if stdout.Len() > 0 && (err == nil || errors.As(err, &exit)) {
		return stdout.Bytes(), nil
	}
	return nil, fmt.Errorf("volume-durability %s: %w: %s", args[0], err, tail(stderr.String()))
}

// writer is a running volume-durability local write. Its acknowledgements are in a file on another filesystem.
type writer struct {
	cmd    *exec.Cmd
	acks   string
	stderr bytes.Buffer
}

// write starts a writer and waits for its first acknowledgements. The prefix comes before its command line.
func (p program) write(ctx context.Context, prefix ...string) (*writer, error) {
	w := &writer{acks: filepath.Join(p.work, "acks")}
	line := append(prefix, p.path, "local", "write", p.mnt(), "--acks", w.acks)
	w.cmd = p.command(ctx, line[0], line[1:]...)
	w.cmd.Stderr = &w.stderr
	w.cmd.WaitDelay = time.Second
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	const first = 100
	err := until(ctx, "the first acknowledgements", func() bool { return w.count() >= first })
	if err != nil {
		return nil, errors.Join(err, w.kill(), errors.New(tail(w.stderr.String())))
	}
	return w, nil
}

// count returns the number of acknowledgements.
func (w *writer) count() int {
	content, _ := os.ReadFile(w.acks) // it is created with the first message
	return countAcks(content)
}

// next waits until the writer has more acknowledgements. If it ends before, next returns the name of its error.
func (w *writer) next(ctx context.Context) (string, error) {
	before := w.count()
	hasEnded := func() bool { return len(descendants(w.cmd.Process.Pid)) == 1 }
	err := until(ctx, "the writer writes again", func() bool { return w.count() > before || hasEnded() })
	if err != nil || !hasEnded() {
		return "", err
	}
	return w.failure(ctx)
}

// kill kills the writer and its processes, if it has not ended.
func (w *writer) kill() error {
	if w.cmd.ProcessState != nil {
		return nil
	}
	for _, pid := range descendants(w.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	_ = w.cmd.Wait() // it was killed
	return nil
}

// failure waits for the end of the writer and returns the name of its error.
func (w *writer) failure(ctx context.Context) (string, error) {
	done := make(chan error, 1)
	go func() { done <- w.cmd.Wait() }()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-done:
	case <-waiting.Done():
		for _, pid := range descendants(w.cmd.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		<-done
		return "", fmt.Errorf("the writer did not end within %s after the client was killed", patience)
	}
	return errnoIn(w.stderr.String()), nil
}

// errnoIn returns the name of the system error that a text contains, "" if there is none.
func errnoIn(text string) string {
	for errno := syscall.Errno(1); errno < 134; errno++ {
		if strings.Contains(text, ": "+errno.Error()) {
			return unix.ErrnoName(errno)
		}
	}
	return ""
}

// verify checks the journal of a writer against the acknowledgements that it had sent.
func (p program) verify(ctx context.Context, acks []byte) (Outcome, error) {
	sent, err := protocol.ReadOutput(bytes.NewReader(acks))
	if err != nil {
		return Outcome{}, fmt.Errorf("reading the acknowledgements: %w", err)
	}
	file := filepath.Join(p.work, "sent")
	if err := os.WriteFile(file, acks, 0o600); err != nil {
		return Outcome{}, err
	}
	output, err := p.run(ctx, "verify", "--journal", sent.Journal.Path, "--acks", file, "-ojson")
	if err != nil {
		return Outcome{}, err
	}
	return readVerification(output)
}

// readVerification reads what volume-durability verify printed.
func readVerification(output []byte) (Outcome, error) {
	var v struct {
		Verdict   judge.Verdict
		Reason    string
		Judgement judge.Judgement
		Reread    *protocol.Reread
	}
	if err := json.Unmarshal(output, &v); err != nil {
		return Outcome{}, fmt.Errorf("reading the result of verify: %w: %s", err, tail(string(output)))
	}
	o := newOutcome(v.Verdict, v.Judgement.Findings, v.Reason)
	o.setRecords(v.Judgement)
	o.reread = v.Reread
	return o, nil
}
