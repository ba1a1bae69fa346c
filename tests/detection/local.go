package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/detection/faultvolume"
)

// localJournal matches the journal of a local run, below the folder under test.
const localJournal = "volume-durability-*/logs.log"

// runLocal runs "volume-durability local" on another volume with the same fault.
func (t *trial) runLocal(ctx context.Context) (outcome, error) {
	ctx, cancel := withVerdictTimeout(ctx)
	defer cancel()
	var err error
	folder := filepath.Join(t.flags.volumes, t.ns.Name+"-local")
	if t.mount, err = faultvolume.NewMount(ctx, t.flags.faultfs, folder, localJournal, t.localFault()); err != nil {
		return outcome{}, err
	}
	cmd := exec.CommandContext(ctx, t.flags.local, append([]string{t.mount.Path}, t.localArgs(folder)...)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	// The exit code is not 0 if the verdict is not Pass.
	ended := cmd.Run()
	var run result.Result
	if err := json.Unmarshal(out.Bytes(), &run); err != nil {
		return outcome{}, fmt.Errorf("reading the result of the local run: %w", errors.Join(err, ended, context.Cause(ctx),
			errors.New(log.String())))
	}
	return t.compare(t.mount, run)
}

// localArgs returns the flags for the options that a local run has.
func (t *trial) localArgs(folder string) []string {
	args := []string{
		"-ojson", "--bundle", filepath.Join(folder, "bundle"), fmt.Sprintf("--status-check-timeout=%d", stepTimeout),
	}
	env := t.env()
	if env["FORCE"] == "" {
		env["FORCE"] = "false"
	}
	for _, name := range []string{
		"RECORD_SIZE", "WRITE_RATE", "TOTAL_CHAOS_DURATION", "CHAOS_INTERVAL", "VERIFY_TIMEOUT", "FORCE", "WRITE_PATTERN",
		"WRITE_OBJECTS",
	} {
		if value := env[name]; value != "" {
			args = append(args, "--"+strings.ReplaceAll(strings.ToLower(name), "_", "-")+"="+value)
		}
	}
	return args
}
