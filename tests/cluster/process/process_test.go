package process

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func table(t *testing.T) Table {
	t.Helper()
	return Table{Dir: t.TempDir(), Logs: t.TempDir()}
}

const patience = time.Minute

// start starts a shell that prints ready and sleeps, after an optional command.
func start(t *testing.T, table Table, name, before string) Record {
	t.Helper()
	script := before + "echo ready; exec sleep 1000"
	started, err := table.Start(Program{Name: name, Path: "/bin/sh", Args: []string{"-c", script}})
	require.NoError(t, err)
	return started
}

func TestStart_RecordsAProcessThatStopEnds(t *testing.T) {
	table := table(t)
	started := start(t, table, "sleeper", "")
	known, err := table.Load("sleeper")
	require.NoError(t, err)
	assert.Equal(t, started, known)
	assert.True(t, known.Alive())
	require.NoError(t, known.Stop(t.Context(), patience))
	assert.False(t, known.Alive())
	require.NoError(t, known.Stop(t.Context(), patience), "ending what has ended is no error")
	all, err := table.All()
	require.NoError(t, err)
	assert.Len(t, all, 1)
}

func TestStop_KillsAProcessThatIgnoresSIGTERM(t *testing.T) {
	table := table(t)
	started := start(t, table, "stubborn", "trap '' TERM; ")
	require.Eventually(t, func() bool { return table.Tail("stubborn", 1) == "ready" }, patience, time.Millisecond)
	require.Error(t, started.awaitGone(t.Context(), 0), "it is still running")
	require.NoError(t, started.Stop(t.Context(), 50*time.Millisecond))
	assert.False(t, started.Alive())
}

func TestStop_IgnoresAnIDThatBelongsToAnotherProcess(t *testing.T) {
	impostor := Record{Name: "impostor", PID: os.Getpid(), Started: 1}
	assert.False(t, impostor.Alive())
	require.NoError(t, impostor.Stop(t.Context(), patience), "the test itself keeps running")
}

func TestAlive_IsFalseForAnIDOfAnEarlierBoot(t *testing.T) {
	started, err := startTime(os.Getpid())
	require.NoError(t, err)
	assert.True(t, Record{PID: os.Getpid(), Started: started, Boot: bootID()}.Alive())
	assert.False(t, Record{PID: os.Getpid(), Started: started, Boot: "an earlier one"}.Alive())
}

func TestStart_PassesOnlyTheSearchPathOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy.invalid")
	table := table(t)
	started, err := table.Start(Program{Name: "env", Path: "/usr/bin/env", Env: []string{"OWN=1"}})
	require.NoError(t, err)
	require.NoError(t, started.awaitGone(t.Context(), patience))
	log := table.Tail("env", 9)
	assert.Contains(t, log, "OWN=1")
	assert.Contains(t, log, "PATH=")
	assert.NotContains(t, log, "PROXY")
}

func TestParseStat_AllowsBracketsInTheName(t *testing.T) {
	at, err := parseStat([]byte("42 (a ) S 1) R 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 1"))
	require.NoError(t, err)
	assert.Equal(t, uint64(987654), at)
	_, err = parseStat([]byte("42 (a) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 1"))
	assert.ErrorIs(t, err, fs.ErrNotExist, "a zombie is gone")
	_, err = parseStat([]byte("42"))
	assert.Error(t, err)
}

func TestTail_ReturnsTheLastLines(t *testing.T) {
	table := table(t)
	require.NoError(t, os.WriteFile(table.Log("x"), []byte("1\n2\n3\n4\n"), 0o600))
	assert.Equal(t, "3\n4", table.Tail("x", 2))
	assert.Equal(t, "1\n2\n3\n4", table.Tail("x", 9))
}

// A lock that the caller holds, such as one of flock(1), must not live as long as the cluster.
func TestStart_PassesNoOpenFiles(t *testing.T) {
	table := table(t)
	lock := filepath.Join(t.TempDir(), "lock")
	inherited, err := unix.Open(lock, unix.O_CREAT|unix.O_RDWR, 0o600) // to be inherited: without O_CLOEXEC
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(inherited)) }()
	started := start(t, table, "sleeper", "")
	defer func() { require.NoError(t, started.Kill(t.Context(), patience)) }()
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(started.PID), "fd", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		target, _ := os.Readlink(file) // it may be closed by now
		assert.NotEqual(t, lock, target)
	}
}
