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

func TestAProcessIsStartedKnownAndEnded(t *testing.T) {
	table := table(t)
	started, err := table.Start(Program{Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", "echo ready; exec sleep 1000"}})
	require.NoError(t, err)
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

func TestAStubbornProcessIsEndedByForce(t *testing.T) {
	table := table(t)
	started, err := table.Start(Program{Name: "stubborn", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; echo ready; exec sleep 1000"}})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return table.Tail("stubborn", 1) == "ready" }, patience, time.Millisecond)
	require.Error(t, started.awaitGone(t.Context(), 0), "it runs")
	require.NoError(t, started.Stop(t.Context(), 50*time.Millisecond))
	assert.False(t, started.Alive())
}

func TestAnIDThatBelongsToSomebodyElseIsNotTouched(t *testing.T) {
	impostor := Record{Name: "impostor", PID: os.Getpid(), Started: 1}
	assert.False(t, impostor.Alive())
	require.NoError(t, impostor.Stop(t.Context(), patience), "this very test goes on")
}

func TestAnIDOfAnEarlierBootIsNotTouched(t *testing.T) {
	started, err := startTime(os.Getpid())
	require.NoError(t, err)
	assert.True(t, Record{PID: os.Getpid(), Started: started, Boot: bootID()}.Alive())
	assert.False(t, Record{PID: os.Getpid(), Started: started, Boot: "an earlier one"}.Alive())
}

func TestAProgramGetsNoEnvironmentOfWhoStartsIt(t *testing.T) {
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

func TestAStatLineWithBracketsInTheName(t *testing.T) {
	at, err := parseStat([]byte("42 (a ) S 1) R 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 1"))
	require.NoError(t, err)
	assert.Equal(t, uint64(987654), at)
	_, err = parseStat([]byte("42 (a) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 1"))
	assert.ErrorIs(t, err, fs.ErrNotExist, "a zombie is gone")
	_, err = parseStat([]byte("42"))
	assert.Error(t, err)
}

func TestTheTailOfALog(t *testing.T) {
	table := table(t)
	require.NoError(t, os.WriteFile(table.Log("x"), []byte("1\n2\n3\n4\n"), 0o600))
	assert.Equal(t, "3\n4", table.Tail("x", 2))
	assert.Equal(t, "1\n2\n3\n4", table.Tail("x", 9))
}

// A lock of whoever starts the cluster, flock(1)'s for example, must not live as long as the cluster.
func TestAProgramInheritsNoFiles(t *testing.T) {
	table := table(t)
	lock := filepath.Join(t.TempDir(), "lock")
	theirs, err := unix.Open(lock, unix.O_CREAT|unix.O_RDWR, 0o600) // to be inherited: without O_CLOEXEC
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(theirs)) }()
	started, err := table.Start(Program{Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", "echo ready; exec sleep 1000"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, started.Kill(t.Context(), patience)) }()
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(started.PID), "fd", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		target, _ := os.Readlink(file) // it may be closed by now
		assert.NotEqual(t, lock, target)
	}
}
