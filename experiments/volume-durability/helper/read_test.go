package helper

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// overNFS returns a task whose volume counts as an NFS mount that may show an older state for a second.
func overNFS(t *testing.T, args ...string) *task {
	t.Helper()
	task, err := parse(args[0], args[1:])
	require.NoError(t, err)
	task.stallWatch = stallWatch{out: os.Stderr, timeout: time.Minute}
	task.mountOf = func(string) (protocol.Mount, error) {
		return protocol.Mount{FSType: "nfs4", SuperOptions: "nocto,acregmin=1,acregmax=1,acdirmin=1,acdirmax=1"}, nil
	}
	return task
}

// scanOf runs a task and returns its scan result.
func scanOf(t *testing.T, task *task) protocol.ScanResult {
	t.Helper()
	var out strings.Builder
	require.NoError(t, task.do(t.Context(), &out))
	message, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	require.NotNil(t, message.ScanResult)
	return *message.ScanResult
}

func TestRead_ReadsAgainWhatTheMountMayHide(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	acks := acksIn(writeEpoch(t, path, 1, 100))
	last := acks[len(acks)-1].Seq
	read := func(seq uint64) protocol.ScanResult {
		points := "1:" + strconv.FormatUint(seq, 10)
		return scanOf(t, overNFS(t, "read", "--file", path, "--journal", id, "--record-size", "256", "--points", points))
	}
	assert.Nil(t, read(last).Reread, "every acknowledged record is there")

	lost := read(last + 1000)
	require.NotNil(t, lost.Reread)
	assert.False(t, lost.Reread.Settled)
	assert.NotEmpty(t, lost.SHA256)
	assert.Equal(t, read(last).SHA256, lost.SHA256, "only the last read counts")
}

func TestRead_ReportsFirstThatItReadsAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	var out strings.Builder
	task := overNFS(t, "read", "--file", path, "--journal", id, "--record-size", "256", "--points", "1:10")
	task.reportTo(&out)
	require.NoError(t, task.do(t.Context(), &out))
	first, _, _ := strings.Cut(out.String(), "\n")
	message, err := protocol.Parse([]byte(first))
	require.NoError(t, err)
	assert.Equal(t, &protocol.Rereading{CacheSeconds: 1, Seconds: 2}, message.Rereading)
}

// A stale file handle that remains is the error, and the reason names what was tried.
func TestSettled_AnErrorNamesThatItReadAgain(t *testing.T) {
	task := overNFS(t, "read", "--file", "/data/logs.log", "--journal", id, "--record-size", "256", "--points", "1:10")
	found, err := task.settled(t.Context(), func() (protocol.ScanResult, error) {
		return protocol.ScanResult{}, protocol.NewOpError("opening /data/logs.log for reading", syscall.ESTALE)
	})
	require.ErrorIs(t, err, syscall.ESTALE)
	assert.Nil(t, found.Reread)
	assert.ErrorContains(t, err, "stale file handle; the journal was read again after 2 s, because the mount may show an "+
		"older state for up to 1 s")
	assert.NotContains(t, err.Error(), "the last read")
}

func TestRead_FindsAJournalThatAppearsLater(t *testing.T) {
	folder := t.TempDir()
	hidden, path := filepath.Join(folder, "hidden"), filepath.Join(folder, "logs.log")
	acks := acksIn(writeEpoch(t, hidden, 1, 100))
	last := strconv.FormatUint(acks[len(acks)-1].Seq, 10)
	task := overNFS(t, "read", "--file", path, "--journal", id, "--record-size", "256", "--points", "1:"+last)
	mountOf := task.mountOf
	task.mountOf = func(p string) (protocol.Mount, error) { // called after the first read
		require.NoError(t, os.Rename(hidden, path))
		return mountOf(p)
	}
	found := scanOf(t, task)
	assert.True(t, found.Present)
	require.NotNil(t, found.Reread)
	assert.True(t, found.Reread.Settled)
}

// A writer that reads an older state would report a loss, too.
func TestWrite_ReadsAgainWhatTheMountMayHide(t *testing.T) {
	for _, name := range []string{"append", "create"} {
		path := filepath.Join(t.TempDir(), "logs.log")
		acks := acksIn(writeEpoch(t, path, 1, 20, "--pattern", name))
		points := "1:" + strconv.FormatUint(acks[len(acks)-1].Seq+1000, 10)
		task := overNFS(t, writeArgs(path, 2, "--points", points, "--pattern", name)...)
		var out strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, task.do(ctx, cancelAfterScan{&out, cancel}))
		first, _, _ := strings.Cut(out.String(), "\n")
		message, err := protocol.Parse([]byte(first))
		require.NoError(t, err)
		require.NotNil(t, message.ScanResult, name)
		require.NotNil(t, message.ScanResult.Reread, name)
		assert.False(t, message.ScanResult.Reread.Settled)
	}
}

// cancelAfterScan ends a writer after its first message, which is its scan result.
type cancelAfterScan struct {
	*strings.Builder
	cancel func()
}

func (c cancelAfterScan) Write(b []byte) (int, error) {
	c.cancel()
	return c.Builder.Write(b)
}
