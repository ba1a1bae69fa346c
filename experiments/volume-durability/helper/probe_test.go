package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// onAVolume is a folder that is not on the root's filesystem: Linux has a mount there.
func onAVolume(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "probe")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

// probed is what a half of the check prints.
func probed(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(t.Context(), append([]string{"probe"}, args...), &out, io.Discard))
	return out.String()
}

// written is the ledger of a new journal of 1000 records in a folder, and its path.
func written(t *testing.T, folder string) (text, path string) {
	t.Helper()
	text = strings.TrimSuffix(probed(t, "write", "--folder", folder), "\n")
	token, err := ledger.ParseToken(text)
	require.NoError(t, err)
	assert.Equal(t, uint64(1000), token.Ack.Seq)
	return text, filepath.Join(folder, "durability-"+token.ID+".log")
}

func TestTheSecondHalfFindsWhatTheFirstHasLeft(t *testing.T) {
	folder := onAVolume(t)
	text, path := written(t, folder)
	var out, aside strings.Builder
	require.NoError(t, run(t.Context(), []string{"probe", "verify", "--folder", folder, "--ledger", text}, &out, &aside))
	assert.Equal(t, "kept\n", out.String(), "this word alone is compared")
	assert.Equal(t, path+" is left\n", aside.String())
	assert.Equal(t, "kept\n", probed(t, "verify", "--folder", folder, "--ledger", text, "--remove"))
	assert.NoFileExists(t, path)
}

func TestSeveralRunsShareAFolder(t *testing.T) {
	folder := onAVolume(t)
	first, _ := written(t, folder)
	second, _ := written(t, folder)
	for _, text := range []string{first, second} {
		assert.Equal(t, "kept\n", probed(t, "verify", "--folder", folder, "--ledger", text))
	}
}

func TestLargeJournalsAreWrittenInSeveralCommits(t *testing.T) {
	folder := onAVolume(t)
	text := strings.TrimSuffix(probed(t, "write", "--folder", folder, "--records", "100", "--record-size", "65536"), "\n")
	assert.Contains(t, text, ".65536.1.100.")
	assert.Equal(t, "kept\n", probed(t, "verify", "--folder", folder, "--ledger", text))
}

func TestWhatIsLostIsNamedAndLeft(t *testing.T) {
	for want, harm := range map[string]func(path string) error{
		"lost: lost-tail: 900 acknowledged records epoch 1 sequence 101 to 1000; ":                               func(path string) error { return os.Truncate(path, 100*256) },
		"lost: torn: 1 acknowledged record epoch 1 sequence 1000 to 1000; ":                                      func(path string) error { return os.Truncate(path, 1000*256-20) },
		"lost: missing: 1 000 acknowledged records epoch 1 sequence 1 to 1000 (there is no journal); ":           os.Remove,
		"lost: missing: 1 000 acknowledged records epoch 1 sequence 1 to 1000 (the journal is empty); ":          func(path string) error { return os.Truncate(path, 0) },
		"lost: corrupt: 1 000 acknowledged records epoch 1 sequence 1 to 1000 (the records are intact but not the": rewritten,
		"lost: unavailable (": unreadable,
	} {
		folder := onAVolume(t)
		text, path := written(t, folder)
		require.NoError(t, harm(path))
		said := probed(t, "verify", "--folder", folder, "--ledger", text, "--remove")
		assert.Contains(t, said, want)
		assert.True(t, strings.HasSuffix(said, "; file "+path+"\n"), said)
		assert.NotContains(t, said, ",", "Litmus takes an expected value apart at its commas")
		assert.NotContains(t, said, kept)
	}
}

// unreadable puts in a journal's place what can be opened and not be read.
func unreadable(path string) error {
	return errors.Join(os.Remove(path), os.Symlink("/proc/self/mem", path))
}

// rewritten puts a journal of the same identity in a journal's place, of other records.
func rewritten(path string) error {
	id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "durability-"), ".log")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fill(deviceFile{file}, journal.Format{ID: id, Size: 256}, 1000)
	return err
}

func TestWithoutALedgerNothingIsSaid(t *testing.T) {
	folder := onAVolume(t)
	text, _ := written(t, folder)
	for _, args := range [][]string{
		{}, {"--ledger"}, {"--ledger", ""}, {"--ledger", "--remove"}, {"--ledger", text[:len(text)-1]}, {"--ledger", strings.Replace(text, ".1000.", ".100.", 1)},
		{"--ledger", text, "kept"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"probe", "verify", "--folder", folder}, args...), &out, io.Discard)
		assert.Error(t, err, args)
		assert.Empty(t, out.String(), args)
	}
}

// A journal in the container itself would be gone with the container.
func TestAFolderThatIsOnNoVolumeIsAnError(t *testing.T) {
	text, _ := written(t, onAVolume(t))
	for _, half := range [][]string{{"write"}, {"verify", "--ledger", text}} {
		for folder, want := range map[string]string{"/": "mount a volume there", "/dev/shm/not-there": "looking up the mount of"} {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"probe", half[0], "--folder", folder}, half[1:]...), &out, io.Discard)
			assert.ErrorContains(t, err, want)
			assert.Empty(t, out.String())
		}
	}
}

func TestAJournalThatCouldNotBeWrittenIsNotLeft(t *testing.T) {
	folder := onAVolume(t)
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &before))
	signal.Ignore(unix.SIGXFSZ)
	t.Cleanup(func() {
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &before))
		signal.Reset(unix.SIGXFSZ)
	})
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 100 * 256, Max: before.Max}))
	var out bytes.Buffer
	err := run(t.Context(), []string{"probe", "write", "--folder", folder}, &out, io.Discard)
	assert.ErrorIs(t, err, unix.EFBIG)
	assert.Empty(t, out.String())
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestMistakesInTheProbesArgumentsAreNamed(t *testing.T) {
	folder := onAVolume(t)
	for want, args := range map[string][]string{
		"want a half":    {},
		"unknown half":   {"read"},
		"want --folder":  {"write"},
		"--records 0":    {"write", "--folder", folder, "--records", "0"},
		"record size 12": {"write", "--folder", folder, "--record-size", "12"},
	} {
		err := run(t.Context(), append([]string{"probe"}, args...), io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}
