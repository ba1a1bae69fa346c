package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse_ReadsTargetsAndThoseBesideThem(t *testing.T) {
	phases, err := parse([]string{"machine", "e2e & lint unit"})
	require.NoError(t, err)
	require.Len(t, phases, 2)
	assert.Equal(t, []string{"machine"}, phases[0].targets)
	assert.Empty(t, phases[0].beside)
	assert.Equal(t, []string{"e2e"}, phases[1].targets)
	assert.Equal(t, []string{"lint", "unit"}, phases[1].beside)
	_, err = parse([]string{"e2e", "& lint"})
	assert.ErrorContains(t, err, `phase "& lint" has no target`)
	_, err = parse(nil)
	assert.ErrorContains(t, err, "no phase")
}

func TestOneAfterAnother_HasEachTargetInAPhaseOfItsOwn(t *testing.T) {
	phases := oneAfterAnother([]phase{{targets: []string{"machine"}}, {[]string{"e2e"}, []string{"lint", "unit"}}})
	var order []string
	for _, p := range phases {
		require.Len(t, p.targets, 1)
		assert.Empty(t, p.beside)
		order = append(order, p.targets...)
	}
	assert.Equal(t, []string{"machine", "e2e", "lint", "unit"}, order)
}

// inMakefile changes to a folder with a Makefile, and returns a runner and its output.
func inMakefile(t *testing.T, text string) (runner, *bytes.Buffer) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("MAKEFLAGS", "")
	require.NoError(t, os.WriteFile("Makefile", []byte(text), 0o600))
	var out bytes.Buffer
	return runner{folder: t.TempDir(), out: &out, prefix: 6}, &out
}

func TestRunAll_StartsNoPhaseAfterAFailedTarget(t *testing.T) {
	r, out := inMakefile(t, "good:\n\t@echo fine\nbad:\n\t@echo wrong; exit 1\n")
	results := r.runAll(t.Context(), []phase{{[]string{"good"}, []string{"bad", "good"}}, {targets: []string{"good"}}})
	require.Len(t, results, 3)
	assert.NoError(t, results[0].err)
	assert.Error(t, results[1].err)
	assert.True(t, results[1].beside)
	assert.NoError(t, results[2].err, "the targets of a phase run also if another one fails")
	assert.ErrorContains(t, failed(results), "make bad: exit status 2")
	assert.Contains(t, out.String(), "good   | fine\n")
	assert.Contains(t, out.String(), "bad    | wrong\n")
	log, err := os.ReadFile(filepath.Join(r.folder, "bad.log"))
	require.NoError(t, err)
	assert.Contains(t, string(log), "wrong\n")
}

func TestPrintFailures_HasTheLastLinesOfFailedTargets(t *testing.T) {
	r, out := inMakefile(t, "good:\n\t@echo fine\nbad:\n\t@seq 100; exit 1\n")
	results := r.runPhase(t.Context(), phase{[]string{"good"}, []string{"bad"}})
	out.Reset()
	require.NoError(t, r.printFailures(results))
	assert.Contains(t, out.String(), "99\n100\n")
	assert.NotContains(t, out.String(), "50\n")
	assert.NotContains(t, out.String(), "fine")
}

func TestRunPhase_GivesTheLowestPriorityToTargetsBesideOthers(t *testing.T) {
	priority, err := exec.Command("nice").Output()
	require.NoError(t, err)
	r, out := inMakefile(t, "first second:\n\t@nice\n")
	results := r.runPhase(t.Context(), phase{[]string{"first"}, []string{"second"}})
	require.NoError(t, failed(results))
	assert.Contains(t, out.String(), "first  | "+string(priority))
	assert.Contains(t, out.String(), "second | 19\n")
}

func TestRunAll_EndsTheProcessesOfTargets(t *testing.T) {
	const waits = "\t@sleep 1000 & echo $$! >pid.new; mv pid.new pid; wait\n"
	for name, makefile := range map[string]string{
		"first":  "first:\n" + waits + "second:\n\t@true\n",
		"beside": "first:\n\t@true\nsecond:\n" + waits,
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := inMakefile(t, makefile)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan []result)
			go func() { ended <- r.runAll(ctx, []phase{{[]string{"first"}, []string{"second"}}}) }()
			var pid int
			require.Eventually(t, func() bool {
				content, err := os.ReadFile("pid")
				if err == nil {
					pid, err = strconv.Atoi(strings.TrimSpace(string(content)))
				}
				return err == nil
			}, time.Minute, time.Millisecond)
			cancel()
			require.Error(t, failed(<-ended))
			hasEnded := func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
			require.Eventually(t, hasEnded, time.Minute, time.Millisecond)
		})
	}
}

func TestPrefixed_WritesWholeLines(t *testing.T) {
	var out bytes.Buffer
	var lines sync.Mutex
	a, b := &prefixed{prefix: "a ", lines: &lines, out: &out}, &prefixed{prefix: "b ", lines: &lines, out: &out}
	for _, write := range []struct {
		to   *prefixed
		text string
	}{{a, "one\ntw"}, {b, "three\n"}, {a, "o\n"}, {b, "four"}} {
		_, err := write.to.Write([]byte(write.text))
		require.NoError(t, err)
	}
	require.NoError(t, a.flush())
	require.NoError(t, b.flush())
	assert.Equal(t, "a one\nb three\na two\nb four\n", out.String())
}

func TestPrintResults_HasTheSums(t *testing.T) {
	var out bytes.Buffer
	results := []result{
		{target: "lint", wall: 20 * time.Second, processor: 30 * time.Second},
		{target: "e2e", wall: 40 * time.Second, processor: time.Second, err: os.ErrClosed},
	}
	require.NoError(t, printResults(&out, results, 45*time.Second))
	assert.Regexp(t, `lint +passed +20 +30\n`, out.String())
	assert.Regexp(t, `e2e +FAILED +40 +1\n`, out.String())
	assert.Regexp(t, `sum +60 +31\n`, out.String())
	assert.Regexp(t, `make test +45 *\n`, out.String())
	assert.InDelta(t, 0.75, wallTime(results, 45*time.Second).Ratio, 1e-9)
}
