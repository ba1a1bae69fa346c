package helper

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

const id = "0123456789abcdef"

func TestRun_PrintsUsageOnRequest(t *testing.T) {
	for _, arg := range []string{"help", "--help", "-h"} {
		var out strings.Builder
		require.NoError(t, run(t.Context(), []string{arg}, &out, io.Discard), arg)
		assert.Contains(t, out.String(), "durability-helper probe write|verify", arg)
	}
}

func TestProbe_PrintsUsageOnRequest(t *testing.T) {
	for _, arg := range []string{"help", "--help", "-h"} {
		out := runProbe(t, arg)
		assert.Contains(t, out, "durability-helper probe write --folder", arg)
		assert.Contains(t, out, "durability-helper probe verify --folder", arg)
	}
}

// writeArgs returns the arguments of a writer.
func writeArgs(path string, epoch int, more ...string) []string {
	args := []string{"write", "--file", path, "--journal", id, "--record-size", "256", "--epoch", strconv.Itoa(epoch)}
	return append(args, more...)
}

// writeEpoch runs a writer until it has acknowledged at least n records, and returns its
// messages.
func writeEpoch(t *testing.T, path string, epoch, n int, more ...string) []protocol.Message {
	t.Helper()
	messages, err := writeUntil(t, n, append(writeArgs(path, epoch, "--rate", "5000"), more...))
	require.NoError(t, err)
	return messages
}

// writeUntil runs a writer until it has acknowledged at least n records or ends by
// itself, and returns its messages.
func writeUntil(t *testing.T, n int, args []string) ([]protocol.Message, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, args, w, io.Discard)
		w.CloseWithError(io.EOF)
	}()
	var messages []protocol.Message
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		message, err := protocol.Parse(lines.Bytes())
		require.NoError(t, err)
		messages = append(messages, message)
		if message.Ack != nil && message.Ack.Seq >= uint64(n) {
			cancel()
		}
	}
	return messages, <-done
}

// acksIn returns the acknowledgements in a writer's messages.
func acksIn(messages []protocol.Message) (acks []ledger.Ack) {
	for _, message := range messages {
		if message.Ack != nil {
			acks = append(acks, *message.Ack)
		}
	}
	return acks
}

// readBack runs a reader and returns the result of its scan.
func readBack(t *testing.T, path, points string, more ...string) protocol.ScanResult {
	t.Helper()
	var out strings.Builder
	args := append([]string{"read", "--file", path, "--journal", id, "--record-size", "256", "--points", points}, more...)
	require.NoError(t, run(t.Context(), args, &out, io.Discard))
	message, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	require.NotNil(t, message.ScanResult)
	return *message.ScanResult
}

// judged reads a journal back, judges it against the acknowledgements of its writers, and
// returns the findings.
func judged(
	t *testing.T, path string, acks []ledger.Ack, more ...string,
) ([]judge.Finding, protocol.ScanResult) {
	t.Helper()
	var points []string
	for _, ack := range acks {
		points = append(points, strconv.Itoa(ack.Epoch)+":"+strconv.FormatUint(ack.Seq, 10))
	}
	result := readBack(t, path, strings.Join(points, ","), more...)
	return judge.Judge(judge.Input{Acks: acks, Scan: result.ScanReport, Epochs: len(acks)}).Findings, result
}

func TestRead_FindsWhatSeveralEpochsAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	var l ledger.Ledger
	for epoch := 1; epoch <= 3; epoch++ {
		messages := writeEpoch(t, path, epoch, 200)
		require.NotNil(t, messages[0].ScanResult, "a writer scans before it writes")
		assert.Equal(t, epoch > 1, messages[0].ScanResult.Present)
		assert.NotEmpty(t, messages[0].ScanResult.Mount.FSType)
		assert.Equal(t, volume.BootID(), messages[0].ScanResult.BootID)
		for _, ack := range acksIn(messages) {
			require.NoError(t, l.Add(ack))
		}
	}
	acks := l.Acks()
	require.Len(t, acks, 3)
	findings, result := judged(t, path, acks)
	assert.Empty(t, findings)
	assert.NotEmpty(t, result.ReadMode)
	assert.Len(t, result.Digests, 3)
	assert.GreaterOrEqual(t, result.Records, uint64(600))
	assert.Nil(t, result.Excerpt)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256(content)), result.SHA256)
	assert.Equal(t, volume.BootID(), result.BootID)
}

func TestRead_ReportsThatThereIsNoJournal(t *testing.T) {
	result := readBack(t, filepath.Join(t.TempDir(), "logs.log"), "")
	assert.False(t, result.Present)
	assert.Empty(t, result.SHA256)
}

func TestWrite_RefusesAnExistingFileInTheFirstEpoch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	require.NoError(t, os.WriteFile(path, []byte("other data"), 0o600))
	var out strings.Builder
	err := run(t.Context(), []string{"write", "--file", path, "--journal", id, "--record-size", "256"}, &out, io.Discard)
	require.ErrorIs(t, err, syscall.EEXIST)
	message, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	require.NotNil(t, message.Error)
	assert.Equal(t, "creating "+path, message.Error.Op)
	assert.Equal(t, syscall.EEXIST, message.Error.Errno)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "other data", string(content))
}

func TestAppend_ReturnsAWriteError(t *testing.T) {
	full := filepath.Join(t.TempDir(), "full")
	require.NoError(t, os.Symlink("/dev/full", full))
	var out strings.Builder
	// A later epoch opens the existing file: here a device on which every write fails.
	task, err := parse("write", []string{"--file", full, "--journal", id, "--record-size", "256", "--epoch", "2"})
	require.NoError(t, err)
	file, err := os.OpenFile(full, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	timer := newCommitTimer(deviceFile{file})
	w, err := journal.NewWriter(timer, task.format, 2, 0, false)
	require.NoError(t, err)
	err = task.append(t.Context(), w, timer, &out)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Empty(t, out.String(), "nothing was acknowledged")
}

type deviceFile struct{ *os.File }

func (deviceFile) Datasync() error { return nil }

// The helper must stay small: it also runs in pods of other experiments.
func TestHelper_DoesNotDependOnKubernetesOrLitmus(t *testing.T) {
	dependencies, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	assert.Contains(t, string(dependencies), "volume-durability/pkg/judge\n")
	assert.NotRegexp(t, `(?m)^(k8s\.io|sigs\.k8s\.io|github\.com/litmuschaos)/`, string(dependencies))
}

func TestRun_RejectsInvalidArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"a command is required": {},
		"unknown command":       {"erase"},
		"--file is required":    {"read", "--journal", id, "--record-size", "256"},
		"journal id":            {"read", "--file", "x", "--record-size", "256"},
		"record size 1":         {"read", "--file", "x", "--journal", id, "--record-size", "1"},
		"--own-folder": {
			"write", "--own-folder", "--file", "/data/x/logs.log", "--journal", id, "--record-size", "256",
		},
		"not defined":         {"remove", "--file", "x", "--journal", id},
		"want epoch:sequence": {"read", "--file", "x", "--journal", id, "--record-size", "256", "--points", "1-2"},
	} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}
