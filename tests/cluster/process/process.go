// Package process starts the cluster's programs so that they outlive the command that
// starts them, and ends them by their own id. The kernel may give an id to another
// process later, so each id is kept with the start time of its process.
package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Program is something to start.
type Program struct {
	Name string
	Path string
	Args []string
	Env  []string
}

// Table is the processes that a cluster has started.
type Table struct {
	// Dir holds a record for each, Logs a log for each.
	Dir, Logs string
}

// Record is a process that was started.
type Record struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// Started is when, in clock ticks since the machine's boot: field 22 of
	// /proc/PID/stat (proc_pid_stat(5)).
	Started uint64 `json:"started"`
	// Boot is the machine's boot that Started counts from.
	Boot string   `json:"boot"`
	Path string   `json:"path"`
	Args []string `json:"args"`
	Env  []string `json:"env,omitempty"`
}

// Start starts a program in a session of its own, with its output in its log. The
// program outlives the caller. It therefore gets nothing of the caller's environment,
// such as proxies, but the search path. Nor does it inherit open files: a lock that the
// caller holds with flock(1) would be held for as long as the program runs.
func (t Table) Start(p Program) (Record, error) {
	closeFilesOnExec()
	log, err := os.OpenFile(t.Log(p.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Record{}, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Stdout, cmd.Stderr = log, log
	path := "PATH=" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	cmd.Env = append([]string{path}, p.Env...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Record{}, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	// Waiting reaps the process if it ends while this command still runs.
	go func() { _ = cmd.Wait() }()
	record := Record{Name: p.Name, PID: cmd.Process.Pid, Path: p.Path, Args: p.Args, Env: p.Env}
	record.Boot = bootID()
	record.Started, _ = startTime(record.PID) // none if it has ended already: then it is not alive
	return record, t.save(record)
}

// closeFilesOnExec marks the files that this program inherited, so that the programs
// that it starts do not inherit them. Kernels before 5.11 do not support that.
func closeFilesOnExec() {
	const first = 3 // after the standard ones
	_ = unix.CloseRange(first, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}

// save writes a record whole or not at all, because others may read it meanwhile.
func (t Table) save(r Record) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	unfinished := t.file(r.Name) + ".new"
	if err := os.WriteFile(unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, t.file(r.Name))
}

func (t Table) file(name string) string { return filepath.Join(t.Dir, name+".json") }

// Log is the path of a program's log.
func (t Table) Log(name string) string { return filepath.Join(t.Logs, name+".log") }

// Load returns the record of a program that was started, fs.ErrNotExist if it was not.
func (t Table) Load(name string) (Record, error) {
	var r Record
	content, err := os.ReadFile(t.file(name))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(content, &r)
}

// Remove removes the record of a program. Its log remains.
func (t Table) Remove(name string) error {
	if err := os.Remove(t.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// All returns every record.
func (t Table) All() ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(t.Dir, "*.json"))
	if err != nil {
		return nil, err
	}
	records := make([]Record, 0, len(files))
	for _, file := range files {
		r, err := t.Load(strings.TrimSuffix(filepath.Base(file), ".json"))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// Restart starts a program with the arguments that it was started with before.
func (t Table) Restart(r Record) (Record, error) {
	return t.Start(Program{Name: r.Name, Path: r.Path, Args: r.Args, Env: r.Env})
}

// Alive reports whether the process that was started still runs, and not another one with its id.
func (r Record) Alive() bool {
	started, err := startTime(r.PID)
	return err == nil && started == r.Started && r.Boot == bootID()
}

// bootID changes whenever the machine starts.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// Stop ends a process with SIGTERM, and with SIGKILL if it has not ended within
// patience. It returns once the process has ended.
func (r Record) Stop(ctx context.Context, patience time.Duration) error {
	if !r.Alive() {
		return nil
	}
	if err := r.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := r.awaitGone(ctx, patience); err == nil || ctx.Err() != nil {
		return err
	}
	if err := r.signal(syscall.SIGKILL); err != nil {
		return err
	}
	return r.awaitGone(ctx, patience)
}

// Kill ends a process with SIGKILL.
func (r Record) Kill(ctx context.Context, patience time.Duration) error {
	if !r.Alive() {
		return nil
	}
	if err := r.signal(syscall.SIGKILL); err != nil {
		return err
	}
	return r.awaitGone(ctx, patience)
}

func (r Record) signal(s syscall.Signal) error {
	if err := syscall.Kill(r.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %s to %s (%d): %w", unix.SignalName(s), r.Name, r.PID, err)
	}
	return nil
}

func (r Record) awaitGone(ctx context.Context, patience time.Duration) error {
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return !r.Alive(), nil
	})
	if err != nil {
		return fmt.Errorf("%s (%d) does not end: %w", r.Name, r.PID, err)
	}
	return nil
}

// startTime is a live process's; a zombie is not alive.
func startTime(pid int) (uint64, error) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	return parseStat(content)
}

// parseStat reads the state and the start time. The program's name, in brackets,
// may itself hold brackets and spaces.
func parseStat(content []byte) (uint64, error) {
	end := bytes.LastIndexByte(content, ')')
	if end < 0 {
		return 0, errors.New("not a stat line")
	}
	fields := strings.Fields(string(content[end+1:]))
	if len(fields) < 20 {
		return 0, errors.New("not a stat line")
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, fs.ErrNotExist
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// Tail returns the end of a program's log.
func (t Table) Tail(name string, lines int) string {
	content, err := os.ReadFile(t.Log(name))
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
