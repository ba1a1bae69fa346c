package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// absence is how long the network is away.
const absence = time.Minute

// event is one fault, and the write pattern of the writer that it hits.
type event struct {
	name, pattern string
	// applies reports whether a backend can have the event.
	applies func(Backend) bool
	play    func(context.Context, program) (Outcome, error)
}

// events returns all events in the order of the table.
func events() []event {
	always := func(Backend) bool { return true }
	hasClient := func(b Backend) bool { return !b.Kernel }
	hasServer := func(b Backend) bool { return b.Serve != "" }
	return []event{
		{"writer-killed", "append", always, func(ctx context.Context, p program) (Outcome, error) { return p.local(ctx) }},
		{"remounted", "append", always, remounted("append")},
		{"remounted", "replace", always, remounted("replace")},
		{"client-killed", "append", hasClient, clientKilled},
		{"client-killed", "replace", hasClient, func(ctx context.Context, p program) (Outcome, error) {
			return p.local(ctx, "--write-pattern=replace", "--write-objects=50", "--between", p.script("kill", "mount"))
		}},
		{"server-killed", "append", hasServer, serverKilled},
		{"network-away", "append", hasServer, networkAway},
		{"power-cut", "append", always, powerCut},
		{"second-client", "append", func(b Backend) bool { return b.Second != "" }, secondClient},
	}
}

// remounted unmounts the backend and mounts it again after the last writer was killed.
func remounted(pattern string) func(context.Context, program) (Outcome, error) {
	return func(ctx context.Context, p program) (Outcome, error) {
		return p.local(ctx, "--write-pattern="+pattern, "--write-objects=50", "--between", p.script("unmount", "mount"))
	}
}

// secondClient mounts a second client after the last writer was killed, while the first client is still mounted.
func secondClient(ctx context.Context, p program) (Outcome, error) {
	return p.local(ctx, "--read-from", p.work+"/other", "--between", p.script("other"))
}

// clientKilled kills the process of the client while a writer has the journal open and writes to it.
func clientKilled(ctx context.Context, p program) (Outcome, error) {
	w, err := p.write(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if err := p.do(ctx, "kill"); err != nil {
		return Outcome{}, errors.Join(err, w.kill())
	}
	failure, err := w.failure(ctx)
	if err != nil {
		return Outcome{}, err
	}
	acks, err := os.ReadFile(w.acks)
	if err != nil {
		return Outcome{}, err
	}
	if err := p.do(ctx, "mount"); err != nil {
		return Outcome{Verdict: Unavailable, WriterError: failure, Reason: err.Error()}, nil
	}
	o, err := p.verify(ctx, acks)
	o.WriterError = failure
	return o, err
}

// serverKilled kills the servers while a writer writes, starts them again, and mounts the backend again.
func serverKilled(ctx context.Context, p program) (Outcome, error) {
	w, err := p.write(ctx)
	if err != nil {
		return Outcome{}, err
	}
	err = p.do(ctx, "restart")
	acks, readErr := os.ReadFile(w.acks)
	// A client may not have noticed yet that the servers are back: it ends with the writer.
	if err := errors.Join(err, readErr, p.do(ctx, "kill"), w.kill()); err != nil {
		return Outcome{}, err
	}
	if err := p.do(ctx, "mount"); err != nil {
		return Outcome{Verdict: Unavailable, Reason: err.Error()}, nil
	}
	return p.verify(ctx, acks)
}

// networkAway drops all packets for a minute while a writer writes, and waits until the writer writes again or fails.
// Then it kills the client and mounts the backend again.
func networkAway(ctx context.Context, p program) (Outcome, error) {
	w, err := p.write(ctx)
	if err != nil {
		return Outcome{}, err
	}
	err = p.do(ctx, "away")
	if err == nil {
		err = wait(ctx, absence)
	}
	failure := ""
	if err = errors.Join(err, p.do(ctx, "back")); err == nil {
		failure, err = w.next(ctx)
	}
	acks, readErr := os.ReadFile(w.acks)
	if err := errors.Join(err, readErr, p.do(ctx, "kill"), w.kill()); err != nil {
		return Outcome{}, err
	}
	if err := p.do(ctx, "mount"); err != nil {
		return Outcome{Verdict: Unavailable, WriterError: failure, Reason: err.Error()}, nil
	}
	o, err := p.verify(ctx, acks)
	o.WriterError = failure
	return o, err
}

// wait waits for a time.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// powerCut stops the writer, copies the disk, and replaces the disk with the copy. The copy has what reached the disk,
// as after a power failure. The caches of the backend and of the filesystem on the disk are lost.
func powerCut(ctx context.Context, p program) (Outcome, error) {
	w, err := p.write(ctx)
	if err != nil {
		return Outcome{}, err
	}
	// The parent process still reports what the stopped one has acknowledged.
	err = stop(ctx, descendants(w.cmd.Process.Pid)[1:])
	acks, readErr := os.ReadFile(w.acks)
	if err = errors.Join(err, readErr); err == nil {
		err = p.do(ctx, "cut")
	}
	if err := errors.Join(err, w.kill()); err != nil {
		return Outcome{}, err
	}
	if err := p.do(ctx, "restore"); err != nil {
		return Outcome{}, err
	}
	if err := p.do(ctx, "mount"); err != nil {
		return Outcome{Verdict: Unavailable, Reason: err.Error()}, nil
	}
	return p.verify(ctx, acks)
}

// on plays an event on a new stage. An error of the backend is an outcome.
func (e event) on(ctx context.Context, path string, b Backend) (Outcome, error) {
	s, err := newStage(ctx, b, filepath.Dir(path))
	if s == nil {
		return Outcome{}, err
	}
	o := Outcome{Verdict: Failed}
	if err == nil {
		err = s.do(ctx, "mount")
	}
	if err == nil {
		o, err = e.play(ctx, program{path, s})
	}
	if err != nil {
		o.Verdict, o.Reason = Failed, err.Error()
	}
	o.Event, o.Pattern, o.Reason = e.name, e.pattern, strings.ReplaceAll(o.Reason, s.work, "")
	if err := s.remove(ctx); err != nil {
		return o, fmt.Errorf("removing %s: %w", b.Name, err)
	}
	return o, ctx.Err()
}
