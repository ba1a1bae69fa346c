package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// pidFile is a file in the user's cache folder that is named after a run and contains
// the ID of the process that executes it. A killed process leaves its PID file behind, so
// that cleanup can see that the run has ended.
type pidFile struct{ path string }

// pidFolder returns the folder of the PID files of all runs.
func pidFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "volume-durability", "runs"), nil
}

// writePIDFile writes the PID file of a run that this process executes.
func writePIDFile(run string) (pidFile, error) {
	folder, err := pidFolder()
	if err != nil {
		return pidFile{}, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return pidFile{}, err
	}
	f := pidFile{filepath.Join(folder, run)}
	return f, os.WriteFile(f.path, []byte(strconv.Itoa(os.Getpid())), 0o600)
}

// remove removes the file, once the run has ended.
func (f pidFile) remove() {
	if f.path != "" {
		_ = os.Remove(f.path) // a file that stays names a process that no longer exists
	}
}

// processState is the state of a run's process on this machine.
type processState int

const (
	processUnknown processState = iota
	processRunning
	processGone
)

// localProcess looks up the process of a run on this machine. If the system has reused the
// process ID, it reports a run that has ended as running, but never the reverse.
func localProcess(run string) (state processState, pid int) {
	folder, err := pidFolder()
	if err != nil || !filepath.IsLocal(run) {
		return processUnknown, 0
	}
	content, err := readFile(filepath.Join(folder, run))
	if err != nil {
		return processUnknown, 0
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return processUnknown, 0
	}
	if processExists(pid) {
		return processRunning, pid
	}
	return processGone, pid
}

// removePIDFile removes the PID file of a run that has ended.
func removePIDFile(run string) error {
	folder, err := pidFolder()
	if err != nil || !filepath.IsLocal(run) {
		return err
	}
	if err := os.Remove(filepath.Join(folder, run)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the PID file of run %s: %w", run, err)
	}
	return nil
}

// processExists reports whether a process exists, also if this one may not signal it.
func processExists(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = process.Release() }() // it holds nothing that could be lost
	err = process.Signal(syscall.Signal(0))
	return err == nil || !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}

// invalidInLabel matches the characters that a label value may not contain.
var invalidInLabel = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// hostLabel returns the name of this machine as a valid label value.
func hostLabel() string {
	const maxLength = 63
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	name = invalidInLabel.ReplaceAllString(name, "-")
	return strings.Trim(name[:min(len(name), maxLength)], "._-")
}
