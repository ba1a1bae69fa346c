package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Syncs counts the syncs of a writer, and those of the client's processes that they caused.
type Syncs struct {
	Writer int `json:"writer"`
	Client int `json:"client"`
	// Seconds is how long counting took.
	Seconds int `json:"seconds,omitempty"`
}

// String returns how many syncs of the writer reached the disk.
func (s Syncs) String() string { return fmt.Sprintf("%d of %d", min(s.Client, s.Writer), s.Writer) }

// syncsEvent is the name that selects the counting of syncs.
const syncsEvent = "syncs"

// syncCalls are the system calls that make data durable.
const syncCalls = "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync"

// traceSyncs counts the syncs of a writer and of a client with strace.
func traceSyncs(ctx context.Context, p program) (Syncs, error) {
	clients, err := p.clients()
	if err != nil {
		return Syncs{}, err
	}
	client := filepath.Join(p.work, "client.strace")
	args := []string{"-f", "-qq", "-e", syncCalls, "-o", client}
	for _, pid := range clients {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	strace := exec.CommandContext(ctx, "strace", args...)
	if err := strace.Start(); err != nil {
		return Syncs{}, err
	}
	err = until(ctx, "strace is attached", func() bool { return areTraced(clients) })
	var syncs Syncs
	if err == nil {
		syncs.Writer, err = p.countWriterSyncs(ctx)
	}
	err = errors.Join(err, strace.Process.Signal(syscall.SIGINT))
	_ = strace.Wait() // it was interrupted
	if err != nil {
		return syncs, err
	}
	syncs.Client, err = countSyncs(client)
	return syncs, err
}

// countWriterSyncs runs a writer for a short time and counts its syncs that succeeded.
func (p program) countWriterSyncs(ctx context.Context) (int, error) {
	trace := filepath.Join(p.work, "writer.strace")
	w, err := p.write(ctx, "strace", "-f", "-qq", "-e", syncCalls, "-o", trace)
	if err != nil {
		return 0, err
	}
	pids := descendants(w.cmd.Process.Pid) // strace, the program, its helper
	if err := syscall.Kill(pids[len(pids)-1], syscall.SIGTERM); err != nil {
		return 0, fmt.Errorf("ending the writer: %w", errors.Join(err, w.kill()))
	}
	if _, err := w.failure(ctx); err != nil {
		return 0, err
	}
	return countSyncs(trace)
}

func areTraced(pids []int) bool {
	for _, pid := range pids {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if strings.Contains(string(status), "TracerPid:\t0") {
			return false
		}
	}
	return true
}

// countSyncs counts the calls in a trace that succeeded.
func countSyncs(path string) (int, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range bytes.Lines(content) {
		if bytes.HasSuffix(bytes.TrimSpace(line), []byte("= 0")) {
			n++
		}
	}
	return n, nil
}

// countOn counts syncs on a new stage.
func countOn(ctx context.Context, path string, b Backend) (*Syncs, error) {
	s, err := newStage(ctx, b, filepath.Dir(path))
	if s == nil {
		return nil, err
	}
	var syncs Syncs
	if err == nil {
		err = s.do(ctx, "mount")
	}
	if err == nil {
		syncs, err = traceSyncs(ctx, program{path, s})
	}
	if err := errors.Join(err, s.remove(ctx)); err != nil {
		return nil, fmt.Errorf("counting the syncs of %s: %w", b.Name, err)
	}
	return &syncs, nil
}
