package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

// action is a part of a go build, from its action graph.
type action struct {
	// Mode is build for the compilation of a package, and link for a program.
	Mode, Package string
	// Cmd has the commands that were executed. It is empty if the result was in the cache.
	Cmd []string
	// CmdUser and CmdSys are the processor time of the commands.
	CmdUser, CmdSys time.Duration
}

func (a action) processor() time.Duration { return a.CmdUser + a.CmdSys }

// recorder is a folder with a command go, which records the actions of builds.
type recorder string

// newRecorder makes a recorder in an existing folder.
func newRecorder(folder string) (recorder, error) {
	program, err := exec.LookPath("go")
	if err != nil {
		return "", err
	}
	const script = `#!/bin/sh
case $1 in build | run)
    command=$1
    shift
    set -- "$command" "-debug-actiongraph=%s/$$.json" "$@" ;;
esac
exec %s "$@"
`
	return recorder(folder), os.WriteFile(filepath.Join(folder, "go"), fmt.Appendf(nil, script, folder, program), 0o700)
}

// take returns the actions that executed commands since the last call of take.
func (r recorder) take() ([]action, error) {
	files, err := filepath.Glob(filepath.Join(string(r), "*.json"))
	if err != nil {
		return nil, err
	}
	var executed []action
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var actions []action
		if err := json.Unmarshal(content, &actions); err != nil {
			return nil, fmt.Errorf("reading the actions in %s: %w", file, err)
		}
		executed = append(executed, slices.DeleteFunc(actions, func(a action) bool { return len(a.Cmd) == 0 })...)
		if err := os.Remove(file); err != nil {
			return nil, err
		}
	}
	return executed, nil
}

// largest is how many packages printActions names.
const largest = 10

// printActions prints what the compiler and the linker did, and which packages needed the most time.
func printActions(out io.Writer, actions []action) error {
	byMode := map[string]time.Duration{}
	byPackage := map[string]time.Duration{}
	times := map[string]int{}
	for _, a := range actions {
		byMode[a.Mode] += a.processor()
		if a.Mode == "build" {
			byPackage[a.Package] += a.processor()
			times[a.Package]++
		}
	}
	var packages, again []string
	for name, n := range times {
		packages = append(packages, name)
		if n > 1 {
			again = append(again, name)
		}
	}
	slices.SortFunc(packages, func(a, b string) int { return cmp.Compare(byPackage[b], byPackage[a]) })
	_, err := fmt.Fprintf(out, "\ncompiling %d packages: %.0f s of processor time, linking: %.0f s\n"+
		"packages that were compiled more than once: %d\n", len(packages), byMode["build"].Seconds(),
		byMode["link"].Seconds(), len(again))
	for _, name := range packages[:min(largest, len(packages))] {
		_, printErr := fmt.Fprintf(out, "%8s s  %s\n", ratio.Number(byPackage[name].Seconds()), name)
		err = errors.Join(err, printErr)
	}
	return err
}
