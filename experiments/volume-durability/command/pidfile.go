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

// card says on this machine that a run is alive: a file named after the run, with the
// number of the process that makes it. A process that was killed leaves it behind,
// and then shows by its absence that the run is dead.
type card struct{ file string }

// cards is the folder of all runs' cards.
func cards() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "volume-durability", "runs"), nil
}

// present leaves the run's card.
func (t task) present() (card, error) {
	folder, err := cards()
	if err != nil {
		return card{}, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return card{}, err
	}
	c := card{filepath.Join(folder, t.id)}
	return c, os.WriteFile(c.file, []byte(strconv.Itoa(os.Getpid())), 0o600)
}

// remove takes the card away: the run is over.
func (c card) remove() {
	if c.file != "" {
		_ = os.Remove(c.file) // one that stays names a process that is gone
	}
}

// life is what a machine knows of a run.
type life int

const (
	unknownHere life = iota
	aliveHere
	deadHere
)

// lifeOf says what this machine knows of a run. A process that has got the number of
// one that is gone makes a run look alive, never dead.
func lifeOf(run string) (l life, process int) {
	folder, err := cards()
	if err != nil || !filepath.IsLocal(run) {
		return unknownHere, 0
	}
	content, err := os.ReadFile(filepath.Join(folder, run))
	if err != nil {
		return unknownHere, 0
	}
	process, err = strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return unknownHere, 0
	}
	if processRuns(process) {
		return aliveHere, process
	}
	return deadHere, process
}

// forget removes the card of a run that is dead.
func forget(run string) error {
	folder, err := cards()
	if err != nil || !filepath.IsLocal(run) {
		return err
	}
	if err := os.Remove(filepath.Join(folder, run)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the card of run %s: %w", run, err)
	}
	return nil
}

// processRuns says whether there is a process of a number. One that may not be asked is there.
func processRuns(number int) bool {
	process, err := os.FindProcess(number)
	if err != nil {
		return false
	}
	defer func() { _ = process.Release() }() // it holds nothing that could be lost
	err = process.Signal(syscall.Signal(0))
	return err == nil || !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}

// notOfLabels is what no label may have.
var notOfLabels = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// hostLabel is this machine's name as a label may hold it.
func hostLabel() string {
	const longest = 63
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	name = notOfLabels.ReplaceAllString(name, "-")
	return strings.Trim(name[:min(len(name), longest)], "._-")
}
