// Package local_test runs volume-durability local for real: on filesystems that keep data,
// on faultfs, which damages it, and on storage that refuses.
package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/loopdevice"
)

// patience limits how long a test waits for something that must happen.
const patience = 60 * time.Second

// programs are the programs under test, built once.
var programs struct{ local, faultfs string }

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for timers of the runs and need little processor time.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	// With nohup, this program and its children would ignore SIGHUP. A child has the default if this program handles it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	folder, err := os.MkdirTemp("", "volume-durability-test-")
	if err == nil {
		err = os.Chmod(folder, 0o755) // one test runs the program as another user
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	programs.local, programs.faultfs = filepath.Join(folder, "local"), filepath.Join(folder, "faultfs")
	err = errors.Join(
		build("../..", programs.local, "./experiments/volume-durability/local"),
		build("../faultfs", programs.faultfs, "./cmd/faultfs"),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(module, program, pkg string) error {
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, output)
	}
	return nil
}

// outcome is what one run returned.
type outcome struct {
	code           int
	result         result.Result
	stdout, stderr string
	bundle         string
}

// command returns a run that kills the writer twice in two seconds.
func command(t *testing.T, folder string, args ...string) (cmd *exec.Cmd, bundle string) {
	t.Helper()
	bundle = filepath.Join(t.TempDir(), "bundle")
	all := []string{folder, "--total-chaos-duration=2", "--chaos-interval=1", "-ojson", "--bundle", bundle}
	all = append(all, args...)
	return exec.Command(programs.local, all...), bundle
}

// run runs the program to its end.
func run(t *testing.T, folder string, args ...string) outcome {
	t.Helper()
	cmd, bundle := command(t, folder, args...)
	return finish(t, cmd, bundle)
}

func finish(t *testing.T, cmd *exec.Cmd, bundle string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	o := outcome{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String(), bundle: bundle}
	if stdout.Len() > 0 {
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &o.result), o.stdout)
	}
	return o
}

// cell returns the only cell of a run.
func (o outcome) cell(t *testing.T) result.Cell {
	t.Helper()
	require.Len(t, o.result.Cells, 1, o.stderr)
	return o.result.Cells[0]
}

func (o outcome) classes(t *testing.T) []judge.Class {
	t.Helper()
	var classes []judge.Class
	for _, f := range o.cell(t).Findings {
		classes = append(classes, f.Class)
	}
	return classes
}

// requireVerdict requires a verdict and its exit code.
func (o outcome) requireVerdict(t *testing.T, verdict judge.Verdict) {
	t.Helper()
	codes := map[judge.Verdict]int{judge.Pass: 0, judge.Fail: 1, judge.Error: 2, judge.Stopped: 130}
	require.Equal(t, verdict, o.result.Verdict, "%s\n%s", o.result.Reason, o.stderr)
	require.Equal(t, codes[verdict], o.code, o.stderr)
}

// requireSteps requires that the steps of the only cell have no gap and lie within the run, and that some of them are
// there, in this order.
func (o outcome) requireSteps(t *testing.T, names ...result.StepName) {
	t.Helper()
	require.NotNil(t, o.cell(t).Trace)
	steps, next := o.cell(t).Trace.Steps, 0
	for i, s := range steps {
		if i > 0 {
			require.True(t, s.StartedAt.Equal(steps[i-1].EndedAt), "%s begins when %s ends", s.Name, steps[i-1].Name)
		}
		if next < len(names) && s.Name == names[next] {
			next++
		}
	}
	require.Len(t, names, next, "%v", steps)
	require.False(t, steps[0].StartedAt.Before(o.result.StartedAt))
	require.False(t, steps[len(steps)-1].EndedAt.After(o.result.EndedAt))
}

// requireEmpty requires that a run left nothing in a folder but what was there.
func requireEmpty(t *testing.T, folder string, but ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != "lost+found" {
			names = append(names, e.Name())
		}
	}
	require.ElementsMatch(t, but, names)
}

// One run measures the figures, and a threshold that no volume can meet makes it fail.
func TestRun_MissesAThreshold(t *testing.T) {
	t.Parallel()
	o := run(t, t.TempDir(), "--max-recovery=1us", "--max-commit=1h", "--graceful")
	o.requireVerdict(t, judge.Fail)
	require.Equal(t, []judge.Class{judge.TooSlow}, o.classes(t))
	thresholds := o.cell(t).Thresholds
	require.Len(t, thresholds, 2)
	assert.Equal(t, result.Missed, thresholds[0].Outcome)
	assert.Equal(t, result.Met, thresholds[1].Outcome)
	assert.Contains(t, o.result.Reason, "intact")
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a filesystem needs root")
	}
}

func needsProgram(t *testing.T, name, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed (Debian package %s)", name, debianPackage)
	}
}

// sh runs a shell command.
func sh(t *testing.T, command string) {
	t.Helper()
	output, err := exec.Command("sh", "-c", command).CombinedOutput()
	require.NoError(t, err, "%s: %s", command, output)
}

// unmountAtEnd unmounts what is mounted on a folder when the test ends.
func unmountAtEnd(t *testing.T, folder string) {
	t.Cleanup(func() {
		for unix.Unmount(folder, unix.MNT_DETACH) == nil { // several mounts may be stacked
		}
	})
}

func tmpfs(t *testing.T, options string) string {
	t.Helper()
	needsRoot(t)
	folder := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, options))
	unmountAtEnd(t, folder)
	return folder
}

func TestProgram_HasNoKubernetesClient(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "./experiments/volume-durability/local")
	cmd.Dir = "../.."
	packages, err := cmd.Output()
	require.NoError(t, err)
	for _, unwanted := range []string{"k8s.io/client-go", "litmus-go", "/pkg/run\n", "/pkg/kube\n"} {
		assert.NotContains(t, string(packages), unwanted)
	}
	assert.Contains(t, string(packages), "volume-durability/pkg/local\n")
}

func TestFolder_PassLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "other"), []byte("not ours"), 0o600))
	o := run(t, folder)
	o.requireVerdict(t, judge.Pass)
	requireEmpty(t, folder, "other")
	assert.Equal(t, folder, o.cell(t).Target)
	assert.GreaterOrEqual(t, o.cell(t).Deletions(), 2)
	page, err := os.ReadFile(filepath.Join(o.bundle, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), folder)
	assert.NotContains(t, string(page), "emptyDir")
}

func TestFolder_GracefulKeepAndAcks(t *testing.T) {
	t.Parallel()
	folder, acks := t.TempDir(), filepath.Join(t.TempDir(), "acks")
	o := run(t, folder, "--graceful", "--keep", "--acks", acks)
	o.requireVerdict(t, judge.Pass)
	journals, err := filepath.Glob(filepath.Join(folder, "volume-durability-*", "logs.log"))
	require.NoError(t, err)
	require.Equal(t, []string{o.cell(t).JournalFile}, journals)
	content, err := os.ReadFile(acks)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(content), "journal "))
	output, err := exec.Command(programs.local, "read", folder, "-ojson").Output()
	require.NoError(t, err)
	assert.Contains(t, string(output), o.cell(t).Journal.ID)
}

// The kernel limits the length of an argument and of all arguments together.
func TestHelper_TakesTheLastRecordsOfManyEpochs(t *testing.T) {
	t.Parallel()
	folder, acks := t.TempDir(), make([]ledger.Ack, journal.MaxEpoch-1)
	o := run(t, folder, "--keep")
	for i := range acks {
		acks[i].Point = journal.Point{Epoch: i + 1, Seq: 1e7 - 1}
	}
	acks[0].Seq = 1
	cell := o.cell(t)
	args := append([]string{
		"helper", "read", "--file", cell.JournalFile, "--journal", cell.Journal.ID, "--record-size", "256",
	}, protocol.PointFlags(acks)...)
	output, err := exec.Command(programs.local, args...).CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Contains(t, string(output), `"digests":[{"epoch":1,"seq":1,`)
}

func TestTmpfs_Pass(t *testing.T) {
	t.Parallel()
	run(t, tmpfs(t, "size=16m")).requireVerdict(t, judge.Pass)
}

func TestLoopDevice_RemountIsEvidence(t *testing.T) {
	t.Parallel()
	for _, fs := range []struct {
		name string
		size int64
	}{{"ext4", 64 << 20}, {"xfs", 320 << 20}} {
		t.Run(fs.name, func(t *testing.T) {
			t.Parallel()
			needsRoot(t)
			needsProgram(t, "mkfs."+fs.name, "e2fsprogs or xfsprogs")
			device, folder := loopdevice.New(t, fs.size), t.TempDir()
			sh(t, "mkfs."+fs.name+" -q "+device)
			require.NoError(t, unix.Mount(device, folder, fs.name, 0, ""))
			unmountAtEnd(t, folder)
			remount := fmt.Sprintf("umount %s && mount -t %s %s %s", folder, fs.name, device, folder)
			for _, each := range []string{"--between-each=false", "--between-each"} {
				o := run(t, folder, "--between", remount, each, "--required-evidence=remounted")
				o.requireVerdict(t, judge.Pass)
				assert.Equal(t, provenance.Remounted, o.cell(t).Provenance.Level, each)
				requireEmpty(t, folder)
			}
			o := run(t, folder, "--required-evidence=remounted")
			o.requireVerdict(t, judge.Error)
		})
	}
}

func TestBetween_FilesystemNotMountedAgainIsAnError(t *testing.T) {
	t.Parallel()
	folder := tmpfs(t, "size=16m")
	o := run(t, folder, "--between", "umount "+folder)
	o.requireVerdict(t, judge.Error)
	assert.Contains(t, o.result.Reason, "--between must mount the same filesystem again")
	o.requireSteps(t, result.Between, result.Reading, result.Judging, result.Removing)
}

func TestBetween_AnotherFilesystemIsAnError(t *testing.T) {
	t.Parallel()
	folder := tmpfs(t, "size=16m")
	o := run(t, folder, "--between", fmt.Sprintf("umount %s && mount -t tmpfs -o size=16m tmpfs %s", folder, folder))
	if o.cell(t).Epochs[0].Mount.UUID == "" {
		t.Skip("the kernel (before 6.9) reports no UUID of a tmpfs")
	}
	o.requireVerdict(t, judge.Error)
	assert.Contains(t, o.result.Reason, "--between must mount the same filesystem again")
}

func TestBetween_FailureAndHangAreErrors(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"echo no such pool >&2; exit 3": "no such pool",
		"exec sleep 1000":               "did not end within 1s",
	} {
		o := run(t, t.TempDir(), "--between", command, "--between-timeout=1")
		o.requireVerdict(t, judge.Error)
		assert.Contains(t, o.result.Reason, want)
	}
}

func TestBetween_HasAnEnvironment(t *testing.T) {
	t.Parallel()
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "environment")
	o := run(t, folder, "--between", "env | grep ^VOLUME_DURABILITY_ | sort > "+file)
	o.requireVerdict(t, judge.Pass)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	c := o.cell(t)
	assert.Contains(t, string(content), "VOLUME_DURABILITY_TARGET="+folder+"\n")
	assert.Contains(t, string(content), "VOLUME_DURABILITY_JOURNAL="+c.JournalFile+"\n")
	assert.Contains(t, string(content), fmt.Sprintf("VOLUME_DURABILITY_EPOCH=%d\n", len(c.Epochs)))
	o.requireSteps(t, result.StartingProcess, result.FirstAck, result.Writing, result.Terminating, result.Between,
		result.StartingProcess, result.Reading, result.Judging, result.Removing)
}

// faulty mounts faultfs over a folder and returns the mount point.
func faulty(t *testing.T, fault, at string) string {
	t.Helper()
	folder, _ := faultyProcess(t, fault, at)
	return folder
}

// faultyProcess also returns the process of the filesystem.
func faultyProcess(t *testing.T, fault, at string) (string, *os.Process) {
	t.Helper()
	return faultyFile(t, fault, at, "")
}

// faultyFile is faultyProcess for a fault that affects a file in the folder of a write pattern.
func faultyFile(t *testing.T, fault, at, file string) (string, *os.Process) {
	t.Helper()
	needsRoot(t)
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("faultfs needs /dev/fuse")
	}
	folder := t.TempDir()
	cmd := exec.Command(programs.faultfs, "-fault", fault, "-at", at, "-file",
		filepath.Join("volume-durability-*/logs.log", file), t.TempDir(), folder)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // it may have been unmounted by its own fault
	})
	first := make([]byte, 1) // the first event is that it is mounted
	_, err = events.Read(first)
	require.NoError(t, err)
	return folder, cmd.Process
}

func TestFaultfs_EveryFaultIsFound(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][]judge.Class{
		"lose-synced:last-bytes=12800": {judge.LostTail, judge.RolledBack, judge.LostGap},
		"bit-flip:offset=1000,bit=3":   {judge.Corrupt},
		"lose-file":                    {judge.Missing, judge.RolledBack, judge.LostTail},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			o := run(t, faulty(t, fault, "close"))
			o.requireVerdict(t, judge.Fail)
			for _, class := range o.classes(t) {
				assert.Contains(t, want, class)
			}
		})
	}
}

func TestFaultfs_AFailedSyncEndsOnlyItsEpoch(t *testing.T) {
	t.Parallel()
	o := run(t, faulty(t, "sync-error", "sync=20"), "--write-rate=200")
	o.requireVerdict(t, judge.Pass)
	cell := o.cell(t)
	assert.GreaterOrEqual(t, len(cell.Epochs), 2, "the next kill starts the next writer")
	require.NotNil(t, cell.Epochs[0].ExitError)
	assert.ErrorIs(t, cell.Epochs[0].ExitError, syscall.EIO)
	assert.Contains(t, cell.Notes, "writer 1 exited before it was killed: "+cell.Epochs[0].ExitError.Error()+
		", received at "+cell.Epochs[0].ExitedAt.UTC().Format(time.RFC3339))
}

// What a filesystem cannot do is no finding about its data.
func TestFaultfs_WhatTheFilesystemCannotDoIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fault, at, limit, call string }{
		"append":    {"unsupported:call=append", "mount", "cannot append to a file", "O_APPEND failed: invalid argument"},
		"reopen":    {"unsupported:call=append,errno=EPERM", "close", "cannot append to a file", "(EPERM)"},
		"sync":      {"unsupported:call=sync", "mount", "cannot sync a file", "fdatasync(2) failed: invalid argument"},
		"sync late": {"unsupported:call=sync,errno=ENOTSUP", "close", "cannot sync a file", "not supported"},
		"lock":      {"unsupported:call=append,errno=ENOLCK", "mount", "cannot lock the file", "(ENOLCK)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := faulty(t, c.fault, c.at)
			o := run(t, folder)
			o.requireVerdict(t, judge.Error)
			for _, want := range []string{"the filesystem " + c.limit, c.call, "To fix this: "} {
				assert.Contains(t, o.result.Reason, want)
			}
			assert.Empty(t, o.cell(t).Findings)
			requireEmpty(t, folder)
		})
	}
}

func TestFaultfs_WithoutDirectReadsIsWeakerEvidence(t *testing.T) {
	t.Parallel()
	for _, errno := range []string{"EINVAL", "ENOTSUP"} {
		folder := faulty(t, "unsupported:call=direct,errno="+errno, "mount")
		o := run(t, folder)
		o.requireVerdict(t, judge.Pass)
		assert.Equal(t, protocol.ReadDropped, o.cell(t).Reader.ScanResult.ReadMode)
		assert.Equal(t, provenance.ReadBack, o.cell(t).Provenance.Level)
		assert.Contains(t, o.cell(t).Provenance.NotReachedReason, "does not support direct reads (O_DIRECT)")
	}
}

func TestFaultfs_ARunNeedsNoLock(t *testing.T) {
	t.Parallel()
	run(t, faulty(t, "unsupported:call=lock,errno=ENOLCK", "mount")).requireVerdict(t, judge.Pass)
}

func TestFaultfs_HangIsFound(t *testing.T) {
	t.Parallel()
	o := run(t, faulty(t, "hang-read", "close"), "--verify-timeout=7", "--status-check-timeout=7")
	o.requireVerdict(t, judge.Fail)
	assert.Contains(t, o.classes(t), judge.Unavailable)
}

func TestArchivemount_LosesEverything(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	needsProgram(t, "archivemount", "archivemount")
	archive, folder := filepath.Join(t.TempDir(), "archive.tar"), t.TempDir()
	sh(t, "tar -cf "+archive+" --files-from /dev/null")
	mount := "archivemount -o nobackup " + archive + " " + folder
	sh(t, mount)
	unmountAtEnd(t, folder)
	// The process of the filesystem is killed: what it had not saved is lost.
	pid := "$(pgrep -f '^archivemount.* " + folder + "$')"
	o := run(t, folder, "--between", "kill -9 "+pid+"; umount -l "+folder+" && "+mount)
	o.requireVerdict(t, judge.Fail)
	assert.Contains(t, o.classes(t), judge.Missing)
}

func TestFullDisk_IsAnErrorWithoutALoss(t *testing.T) {
	t.Parallel()
	o := run(t, tmpfs(t, "size=256k"), "--write-rate=0")
	o.requireVerdict(t, judge.Error)
	assert.Contains(t, o.result.Reason, "no space left on device")
	assert.Empty(t, o.cell(t).Findings)
}

func TestReadOnlyRemount_IsFound(t *testing.T) {
	t.Parallel()
	folder := tmpfs(t, "size=16m")
	t.Cleanup(func() { _ = unix.Mount("", folder, "", unix.MS_REMOUNT, "") })
	o := run(t, folder, "--between", "mount -o remount,ro "+folder, "--between-each")
	o.requireVerdict(t, judge.Fail)
	assert.Contains(t, o.classes(t), judge.ReadOnly)
}

// interrupt starts a run, interrupts it once a line of its progress contains a text, and
// returns the run.
func interrupt(t *testing.T, folder, text string, args ...string) outcome {
	t.Helper()
	return interruptWith(t, []os.Signal{os.Interrupt}, folder, text, args...)
}

// interruptWith interrupts a run with several signals at once.
func interruptWith(t *testing.T, signals []os.Signal, folder, text string, args ...string) outcome {
	t.Helper()
	cmd, bundle := command(t, folder, args...)
	watch := &watcher{text: text, seen: make(chan struct{})}
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, watch
	require.NoError(t, cmd.Start())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-watch.seen:
	case <-ctx.Done():
	}
	for _, s := range signals {
		require.NoError(t, cmd.Process.Signal(s))
	}
	_ = cmd.Wait() // the exit code is below
	require.NoError(t, ctx.Err(), "%q was not printed", text)
	o := outcome{code: cmd.ProcessState.ExitCode(), bundle: bundle, stderr: watch.buffer.String()}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &o.result), o.stderr)
	return o
}

// watcher closes seen once a text was written to it.
type watcher struct {
	text   string
	seen   chan struct{}
	buffer bytes.Buffer
	closed bool
}

func (w *watcher) Write(b []byte) (int, error) {
	w.buffer.Write(b)
	if !w.closed && strings.Contains(w.buffer.String(), w.text) {
		w.closed = true
		close(w.seen)
	}
	return len(b), nil
}

func TestInterrupt_RemovesTheFolderInEveryPhase(t *testing.T) {
	t.Parallel()
	for phase, text := range map[string]string{
		"before the first acknowledgement": "run ",
		"while it writes":                  "chaos: ",
		"after a kill":                     "killing the writer",
		"while it reads":                   "reading the journal back",
	} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			o := interrupt(t, folder, text)
			requireEmpty(t, folder)
			if phase != "while it reads" { // the verdict may be reached before the signal arrives
				o.requireVerdict(t, judge.Stopped)
			}
		})
	}
}

func TestFolder_IsRemovedIfNothingReadsTheOutput(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cmd, _ := command(t, folder)
	output, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.NoError(t, output.Close())
	require.NoError(t, cmd.Wait())
	requireEmpty(t, folder)
}

func TestReader_WithAPrefixAndThroughAnotherMount(t *testing.T) {
	t.Parallel()
	folder, other := t.TempDir(), t.TempDir()
	needsRoot(t)
	require.NoError(t, unix.Mount(folder, other, "", unix.MS_BIND, ""))
	unmountAtEnd(t, other)
	o := run(t, folder, "--remote", "env", "--read-from", other)
	o.requireVerdict(t, judge.Pass)
	assert.Equal(t, "env", o.cell(t).Reader.Node)
	assert.Equal(t, other, o.cell(t).Reader.ScanResult.Mount.Point)
	copies, err := filepath.Glob("/tmp/durability-helper-" + o.cell(t).Journal.ID)
	require.NoError(t, err)
	assert.Empty(t, copies)
}

func TestReader_OfOtherStorageIsAnError(t *testing.T) {
	t.Parallel()
	folder, other := t.TempDir(), t.TempDir()
	for _, args := range [][]string{nil, {"--between", "true"}} {
		o := run(t, folder, append(args, "--read-from", other, "--status-check-timeout", "2")...)
		o.requireVerdict(t, judge.Error)
		assert.Contains(t, o.result.Reason, "--read-from")
		assert.Contains(t, o.result.Reason, other)
		assert.Empty(t, o.cell(t).Findings)
		requireEmpty(t, folder)
	}
}

func TestReader_TheCommandBetweenMountsTheOtherPath(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	folder, other := t.TempDir(), t.TempDir()
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(other, 0)) })
	o := run(t, folder, "--read-from", other, "--between", "mount --bind "+folder+" "+other)
	o.requireVerdict(t, judge.Pass)
}

// A loss between the first acknowledgement and the reader remains a finding.
func TestReader_LossAfterTheJournalWasVisibleIsFound(t *testing.T) {
	t.Parallel()
	folder, other := t.TempDir(), t.TempDir()
	needsRoot(t)
	require.NoError(t, unix.Mount(folder, other, "", unix.MS_BIND, ""))
	unmountAtEnd(t, other)
	o := run(t, folder, "--read-from", other, "--between", `rm "$VOLUME_DURABILITY_JOURNAL"`)
	o.requireVerdict(t, judge.Fail)
	assert.Equal(t, []judge.Class{judge.Missing}, o.classes(t))
}

func TestReader_ReadsADeviceThroughAnotherPath(t *testing.T) {
	t.Parallel()
	for _, name := range []pattern.Name{pattern.Append, pattern.Overwrite} {
		device, link := loopdevice.New(t, 32<<20), filepath.Join(t.TempDir(), "device")
		require.NoError(t, os.Symlink(device, link))
		run(t, device, append(writePattern(name), "--read-from", link)...).requireVerdict(t, judge.Pass)
	}
}

func TestInterrupt_EndsTheCommandBetween(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := interrupt(t, folder, "Running the command of --between", "--between", "exec sleep 1000", "--log-level=info")
	requireEmpty(t, folder)
	o.requireVerdict(t, judge.Stopped)
}

func TestFolder_WithoutWritePermissionIsAnError(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	const otherUser = 65534
	folder := t.TempDir()
	cmd, _ := command(t, folder)
	bundle, err := os.MkdirTemp("", "volume-durability-bundle-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(bundle)) })
	require.NoError(t, os.Chown(bundle, otherUser, otherUser))
	for path := folder; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		require.NoError(t, os.Chmod(path, 0o755))
	}
	cmd.Args = append(cmd.Args, "--bundle", bundle)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	o := finish(t, cmd, bundle)
	o.requireVerdict(t, judge.Error)
	assert.Contains(t, o.result.Reason, "permission denied")
}

func TestMistakes_AreAllReportedBeforeAnythingIsCreated(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	o := run(t, file, "--record-size=3", "--between-each", "--acks", "tcp://nowhere", "--overwrite=/dev/none",
		"--required-evidence=much")
	assert.Equal(t, 2, o.code)
	for _, want := range []string{
		"neither a folder nor a block device", `--record-size "3"`, "--between-each", "--acks tcp://nowhere", "--overwrite /dev/none",
		`--required-evidence "much"`,
	} {
		assert.Contains(t, o.stderr, want)
	}
	assert.NoDirExists(t, o.bundle)
}

func TestWrite_AcknowledgedRecordsCanBeRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	acks, err := exec.Command(programs.local, "write", folder, "--acks=-", "--duration=1").Output()
	require.NoError(t, err)
	journal, ledger, err := protocol.ReadAcks(bytes.NewReader(acks))
	require.NoError(t, err)
	require.Len(t, ledger, 1)
	output, err := exec.Command(programs.local, "read", folder, "-ojson").Output()
	require.NoError(t, err)
	var found []local.Found
	require.NoError(t, json.Unmarshal(output, &found))
	require.Len(t, found, 1)
	assert.Equal(t, journal.Path, found[0].Path)
	assert.Equal(t, journal.ID, found[0].Scan.ID)
	assert.GreaterOrEqual(t, found[0].Scan.Records, ledger[0].Seq)
}

func TestWrite_InterruptKeepsTheJournal(t *testing.T) {
	t.Parallel()
	folder, acks := t.TempDir(), &watcher{text: "ack ", seen: make(chan struct{})}
	cmd := exec.Command(programs.local, "write", folder, "--acks=-")
	cmd.Stdout = acks
	require.NoError(t, cmd.Start())
	select {
	case <-acks.seen:
	case <-time.After(patience):
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())
	journals, err := filepath.Glob(filepath.Join(folder, "volume-durability-*", "logs.log"))
	require.NoError(t, err)
	require.Len(t, journals, 1)
}

func TestFolder_TwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, bundle := command(t, folder)
	var stdout bytes.Buffer
	first.Stdout = &stdout
	require.NoError(t, first.Start())
	second := run(t, folder)
	require.NoError(t, first.Wait())
	second.requireVerdict(t, judge.Pass)
	o := outcome{bundle: bundle}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &o.result))
	o.requireVerdict(t, judge.Pass)
	assert.NotEqual(t, o.cell(t).JournalFile, second.cell(t).JournalFile)
	requireEmpty(t, folder)
}

func TestDevice_OnlyIfBlankOrNamedTwice(t *testing.T) {
	t.Parallel()
	device := loopdevice.New(t, 32<<20)
	run(t, device).requireVerdict(t, judge.Pass)
	o := run(t, device)
	assert.Equal(t, 2, o.code)
	assert.Empty(t, o.stdout, "no run was started")
	assert.NoDirExists(t, o.bundle)
	assert.Contains(t, o.stderr, device+" is not blank")
	assert.Contains(t, o.stderr, "add --overwrite "+device)
	run(t, device, "--overwrite", device).requireVerdict(t, judge.Pass)
}

func TestDevice_MountedIsRefused(t *testing.T) {
	t.Parallel()
	needsProgram(t, "mkfs.ext4", "e2fsprogs")
	device, folder := loopdevice.New(t, 64<<20), t.TempDir()
	sh(t, "mkfs.ext4 -q "+device)
	require.NoError(t, unix.Mount(device, folder, "ext4", 0, ""))
	unmountAtEnd(t, folder)
	o := run(t, device, "--overwrite", device)
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "device or resource busy")
}

// timeout(1) sends SIGTERM to the program and again to its process group. CI services send SIGINT and SIGTERM, and a
// closed terminal sends SIGHUP.
func TestInterrupt_SeveralSignalsRemoveTheFolderToo(t *testing.T) {
	t.Parallel()
	for _, signals := range [][]os.Signal{
		{syscall.SIGTERM, syscall.SIGTERM}, {os.Interrupt, syscall.SIGTERM}, {syscall.SIGHUP, syscall.SIGHUP},
		{os.Interrupt, os.Interrupt, os.Interrupt},
	} {
		t.Run(fmt.Sprint(signals), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			o := interruptWith(t, signals, folder, "chaos: ")
			requireEmpty(t, folder)
			o.requireVerdict(t, judge.Stopped)
			assert.Contains(t, o.stderr, "interrupted: removing what the run created")
		})
	}
}

func TestInterrupt_ByTimeoutRemovesTheFolder(t *testing.T) {
	t.Parallel()
	needsProgram(t, "timeout", "coreutils")
	folder := t.TempDir()
	cmd, _ := command(t, folder, "--total-chaos-duration=600")
	cmd.Args = append([]string{"timeout", "2"}, cmd.Args...)
	var err error
	cmd.Path, err = exec.LookPath("timeout")
	require.NoError(t, err)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Contains(t, string(output), "interrupted: removing what the run created")
	requireEmpty(t, folder)
}
