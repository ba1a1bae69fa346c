package main

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

// writer is a writer's arguments, for an epoch.
func writer(path string, epoch int, more ...string) []string {
	return append([]string{"write", "--file", path, "--journal", id, "--record-size", "256", "--epoch", strconv.Itoa(epoch)}, more...)
}

// writeEpoch runs a writer until it has acknowledged at least n records, and
// returns everything it said.
func writeEpoch(t *testing.T, path string, epoch, n int, more ...string) []protocol.Message {
	t.Helper()
	said, err := writeUntil(t, n, append(writer(path, epoch, "--rate", "5000"), more...))
	require.NoError(t, err)
	return said
}

// writeUntil runs a writer until it has acknowledged at least n records or ends by itself.
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
	var said []protocol.Message
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		s, err := protocol.Parse(lines.Bytes())
		require.NoError(t, err)
		said = append(said, s)
		if s.Ack != nil && s.Ack.Seq >= uint64(n) {
			cancel()
		}
	}
	return said, <-done
}

// acknowledged are the acknowledgements in what a writer said.
func acknowledged(said []protocol.Message) (acks []ledger.Ack) {
	for _, s := range said {
		if s.Ack != nil {
			acks = append(acks, *s.Ack)
		}
	}
	return acks
}

func readBack(t *testing.T, path string, points string, more ...string) protocol.ScanResult {
	t.Helper()
	var out strings.Builder
	args := append([]string{"read", "--file", path, "--journal", id, "--record-size", "256", "--points", points}, more...)
	require.NoError(t, run(t.Context(), args, &out, io.Discard))
	s, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	require.NotNil(t, s.ScanResult)
	return *s.ScanResult
}

// judged reads a journal back, holds it to what its writers promised, and returns the findings.
func judged(t *testing.T, path string, promises []ledger.Ack, more ...string) ([]judge.Finding, protocol.ScanResult) {
	t.Helper()
	var points []string
	for _, p := range promises {
		points = append(points, strconv.Itoa(p.Epoch)+":"+strconv.FormatUint(p.Seq, 10))
	}
	sighting := readBack(t, path, strings.Join(points, ","), more...)
	return judge.Judge(judge.Input{Acks: promises, Report: sighting.Report, Epochs: len(promises)}).Findings, sighting
}

func TestWhatWritersAcknowledgeAReaderFinds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	var l ledger.Ledger
	for epoch := 1; epoch <= 3; epoch++ {
		said := writeEpoch(t, path, epoch, 200)
		require.NotNil(t, said[0].ScanResult, "what is there is said before anything is written")
		assert.Equal(t, epoch > 1, said[0].ScanResult.Present)
		assert.NotEmpty(t, said[0].ScanResult.Mount.FSType)
		assert.Equal(t, volume.BootID(), said[0].ScanResult.BootID)
		for _, ack := range acknowledged(said) {
			require.NoError(t, l.Record(ack))
		}
	}
	promises := l.Acks()
	require.Len(t, promises, 3)
	findings, sighting := judged(t, path, promises)
	assert.Empty(t, findings)
	assert.NotEmpty(t, sighting.ReadMode)
	assert.Len(t, sighting.Digests, 3)
	assert.GreaterOrEqual(t, sighting.Records, uint64(600))
	assert.Nil(t, sighting.Sample)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256(content)), sighting.SHA256)
	assert.Equal(t, volume.BootID(), sighting.BootID)
}

func TestAReaderOfNothingSaysThatNothingIsThere(t *testing.T) {
	sighting := readBack(t, filepath.Join(t.TempDir(), "logs.log"), "")
	assert.False(t, sighting.Present)
	assert.Empty(t, sighting.SHA256)
}

func TestTheFirstWriterNeverTouchesAFileThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	require.NoError(t, os.WriteFile(path, []byte("somebody's data"), 0o600))
	var out strings.Builder
	err := run(t.Context(), []string{"write", "--file", path, "--journal", id, "--record-size", "256"}, &out, io.Discard)
	require.ErrorIs(t, err, syscall.EEXIST)
	s, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	require.NotNil(t, s.Error)
	assert.Equal(t, "creating "+path, s.Error.Op)
	assert.Equal(t, syscall.EEXIST, s.Error.Errno)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "somebody's data", string(content))
}

func TestAWriteThatFailsIsSaid(t *testing.T) {
	full := filepath.Join(t.TempDir(), "full")
	require.NoError(t, os.Symlink("/dev/full", full))
	var out strings.Builder
	// A later epoch opens what is there: here a device on which every write fails.
	task, err := parse("write", []string{"--file", full, "--journal", id, "--record-size", "256", "--epoch", "2"})
	require.NoError(t, err)
	file, err := os.OpenFile(full, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	measured := newTally(deviceFile{file})
	w, err := journal.NewWriter(measured, task.format, 2, 0, false)
	require.NoError(t, err)
	err = task.append(t.Context(), w, measured, &out)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Empty(t, out.String(), "nothing was acknowledged")
}

type deviceFile struct{ *os.File }

func (deviceFile) Datasync() error { return nil }

// It is small, and in the pods of other people's faults.
func TestNothingOfKubernetesOrLitmusIsLinkedIn(t *testing.T) {
	dependencies, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	assert.Contains(t, string(dependencies), "volume-durability/pkg/judge\n")
	assert.NotRegexp(t, `(?m)^(k8s\.io|sigs\.k8s\.io|github\.com/litmuschaos)/`, string(dependencies))
}

func TestMistakesInTheArgumentsAreNamed(t *testing.T) {
	for want, args := range map[string][]string{
		"want a command":     {},
		"unknown command":    {"erase"},
		"want --file":        {"read", "--journal", id, "--record-size", "256"},
		"journal id":         {"read", "--file", "x", "--record-size", "256"},
		"record size 1":      {"read", "--file", "x", "--journal", id, "--record-size", "1"},
		"--own-folder":       {"write", "--file", "/data/x/logs.log", "--own-folder", "--journal", id, "--record-size", "256"},
		"not defined":        {"remove", "--file", "x", "--journal", id},
		"want epoch:sequenc": {"read", "--file", "x", "--journal", id, "--record-size", "256", "--points", "1-2"},
	} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}
