package helper

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// volumeFolder returns a new folder on a mount other than the root filesystem.
func volumeFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "probe")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

// runProbe runs a probe and returns its output.
func runProbe(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(t.Context(), append([]string{"probe"}, args...), &out, io.Discard))
	return out.String()
}

// writtenJournal writes a journal of 1000 records, and returns its ledger and its path.
func writtenJournal(t *testing.T, folder string) (text, path string) {
	t.Helper()
	text = strings.TrimSuffix(runProbe(t, "write", "--folder", folder), "\n")
	token, err := ledger.ParseToken(text)
	require.NoError(t, err)
	assert.Equal(t, uint64(1000), token.Ack.Seq)
	return text, filepath.Join(folder, "durability-"+token.ID+".log")
}

func TestProbe_VerifyFindsWhatWriteWrote(t *testing.T) {
	folder := volumeFolder(t)
	text, path := writtenJournal(t, folder)
	var stdout, stderr strings.Builder
	args := []string{"probe", "verify", "--folder", folder, "--ledger", text}
	require.NoError(t, run(t.Context(), args, &stdout, &stderr))
	assert.Equal(t, "kept\n", stdout.String(), "Litmus compares all of the output")
	assert.Equal(t, path+" was not removed\n", stderr.String())
	assert.Equal(t, "kept\n", runProbe(t, "verify", "--folder", folder, "--ledger", text, "--remove"))
	assert.NoFileExists(t, path)
}

func TestProbe_SeveralRunsCanShareAFolder(t *testing.T) {
	folder := volumeFolder(t)
	first, _ := writtenJournal(t, folder)
	second, _ := writtenJournal(t, folder)
	for _, text := range []string{first, second} {
		assert.Equal(t, "kept\n", runProbe(t, "verify", "--folder", folder, "--ledger", text))
	}
}

func TestProbe_WritesALargeJournalInSeveralCommits(t *testing.T) {
	folder := volumeFolder(t)
	output := runProbe(t, "write", "--folder", folder, "--records", "100", "--record-size", "65536")
	text := strings.TrimSuffix(output, "\n")
	assert.Contains(t, text, ".65536.1.100.")
	assert.Equal(t, "kept\n", runProbe(t, "verify", "--folder", folder, "--ledger", text))
}

func TestProbe_VerifyReportsALossAndKeepsTheJournal(t *testing.T) {
	truncate := func(size int64) func(string) error {
		return func(path string) error { return os.Truncate(path, size) }
	}
	const all = "1 000 acknowledged records epoch 1 sequence 1 to 1 000 "
	for want, damage := range map[string]func(path string) error{
		"lost: lost-tail: 900 acknowledged records epoch 1 sequence 101 to 1 000; ": truncate(100 * 256),
		"lost: torn: 1 acknowledged record epoch 1 sequence 1 000; ":                truncate(1000*256 - 20),
		"lost: missing: " + all + "(there is no journal); ":                         os.Remove,
		"lost: missing: " + all + "(the journal is empty); ":                        truncate(0),
		"lost: corrupt: " + all + "(the records are intact but not the":             rewritten,
		"lost: unavailable (": unreadable,
	} {
		folder := volumeFolder(t)
		text, path := writtenJournal(t, folder)
		require.NoError(t, damage(path))
		output := runProbe(t, "verify", "--folder", folder, "--ledger", text, "--remove")
		assert.Contains(t, output, want)
		assert.True(t, strings.HasSuffix(output, "; file "+path+"\n"), output)
		assert.NotContains(t, output, ",", "Litmus splits an expected value at its commas")
		assert.NotContains(t, output, resultKept)
	}
}

// Litmus shows what the probe prints on stderr while it waits.
func TestProbe_VerifyReadsAgainWhatTheMountMayHide(t *testing.T) {
	for name, appears := range map[string]bool{"a journal that appears": true, "a journal that is lost": false} {
		t.Run(name, func(t *testing.T) {
			folder := volumeFolder(t)
			text, path := writtenJournal(t, folder)
			token, err := ledger.ParseToken(text)
			require.NoError(t, err)
			hidden := path + ".hidden"
			require.NoError(t, os.Rename(path, hidden))
			mountOf := func(string) (protocol.Mount, error) { // called after the first read
				if appears {
					require.NoError(t, os.Rename(hidden, path))
				}
				return protocol.Mount{FSType: "nfs4", SuperOptions: "acdirmin=1,acdirmax=1"}, nil
			}
			var stderr strings.Builder
			_, findings, err := verify(t.Context(), folder, token, mountOf, &stderr)
			require.NoError(t, err)
			assert.Equal(t, appears, len(findings) == 0)
			before, after, _ := strings.Cut(stderr.String(), "\n")
			assert.Equal(t, "the journal is read again for up to 2 s, because the mount may show an older state for up to 1 s",
				before)
			assert.Contains(t, after, "the journal was read again after ")
		})
	}
}

// unreadable replaces a journal with a file that can be opened but not read.
func unreadable(path string) error {
	return errors.Join(os.Remove(path), os.Symlink("/proc/self/mem", path))
}

// rewritten replaces a journal with one that has the same ID and other records.
func rewritten(path string) error {
	id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "durability-"), ".log")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = writeRecords(deviceFile{file}, journal.Format{ID: id, RecordSize: 256}, 1000)
	return err
}

func TestProbe_VerifyPrintsNothingWithoutAValidLedger(t *testing.T) {
	folder := volumeFolder(t)
	text, _ := writtenJournal(t, folder)
	for _, args := range [][]string{
		{}, {"--ledger"}, {"--ledger", ""}, {"--ledger", "--remove"},
		{"--ledger", text[:len(text)-1]}, {"--ledger", strings.Replace(text, ".1000.", ".100.", 1)},
		{"--ledger", text, "kept"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"probe", "verify", "--folder", folder}, args...), &out, io.Discard)
		assert.Error(t, err, args)
		assert.Empty(t, out.String(), args)
	}
}

// A journal on the container's own filesystem would be lost with the container.
func TestProbe_RefusesAFolderOutsideOfAVolume(t *testing.T) {
	text, _ := writtenJournal(t, volumeFolder(t))
	for _, probe := range [][]string{{"write"}, {"verify", "--ledger", text}} {
		for folder, want := range map[string]string{
			"/": "mount a volume there", "/dev/shm/not-there": "looking up the mount of",
		} {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"probe", probe[0], "--folder", folder}, probe[1:]...), &out, io.Discard)
			assert.ErrorContains(t, err, want)
			assert.Empty(t, out.String())
		}
	}
}

func TestProbe_RemovesAJournalThatCouldNotBeWritten(t *testing.T) {
	const variable = "FOLDER_OF_LIMITED_PROBE"
	if folder := os.Getenv(variable); folder != "" {
		writeWithLimit(t, folder)
		return
	}
	folder := volumeFolder(t)
	// The limit of another process does not affect the files of the testing package.
	limited := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	limited.Env = append(os.Environ(), variable+"="+folder)
	output, err := limited.CombinedOutput()
	require.NoError(t, err, string(output))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// writeWithLimit writes records to a folder while this process may not write to a file beyond 1 MiB.
func writeWithLimit(t *testing.T, folder string) {
	t.Helper()
	signal.Ignore(unix.SIGXFSZ)
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &limit))
	limit.Cur = 1 << 20
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &limit))
	var out bytes.Buffer
	err := run(t.Context(), []string{"probe", "write", "--folder", folder, "--records", "5000"}, &out, io.Discard)
	assert.ErrorIs(t, err, unix.EFBIG)
	assert.Empty(t, out.String())
}

func TestProbe_RejectsInvalidArguments(t *testing.T) {
	folder := volumeFolder(t)
	for want, args := range map[string][]string{
		"a probe is required":  {},
		"unknown probe":        {"read"},
		"--folder is required": {"write"},
		"--records 0":          {"write", "--folder", folder, "--records", "0"},
		"record size 12":       {"write", "--folder", folder, "--record-size", "12"},
	} {
		err := run(t.Context(), append([]string{"probe"}, args...), io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}

// A mount that is not connected fails before the journal can be opened. The message must name the journal all the same.
func TestJournalPath_IsKnownAlsoWithAnError(t *testing.T) {
	for _, folder := range []string{"/", "/dev/shm/not-there"} {
		path, err := journalPath(folder, "0123456789abcdef")
		assert.Error(t, err)
		assert.Equal(t, filepath.Join(folder, "durability-0123456789abcdef.log"), path)
	}
}
