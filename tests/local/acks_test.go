package local_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cli "github.com/volume-durability/volume-durability/experiments/volume-durability/command"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// writersIn returns the process IDs of the helpers that write to a folder.
func writersIn(t *testing.T, folder string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var pids []int
	for _, file := range files {
		command, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(command), "helper\x00write\x00--file\x00"+folder+"/") {
			continue // another process, or one that has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// killWithItsWriter kills a run and its writer at once, as a power failure would.
func killWithItsWriter(t *testing.T, run *exec.Cmd, folder string) {
	t.Helper()
	writers := writersIn(t, folder)
	require.Len(t, writers, 1)
	require.NoError(t, run.Process.Kill())
	if err := syscall.Kill(writers[0], syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		require.NoError(t, err)
	}
	_ = run.Wait() // it was killed
	require.Eventually(t, func() bool { return len(writersIn(t, folder)) == 0 }, patience, 10*time.Millisecond)
}

// verify judges a journal against acknowledgements with the command verify.
func verify(t *testing.T, journal, acks string) (exitCode int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args := []string{"volume-durability", "verify", "--journal", journal, "--ledger", acks}
	code := cli.Execute(args, cli.Streams{In: &bytes.Buffer{}, Out: &stdout, ErrOut: &stderr})
	t.Log(stdout.String(), stderr.String())
	return code
}

func TestWrite_AcksReceivedOverTCPJudgeTheJournal(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	require.NoError(t, listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))

	folder := t.TempDir()
	run := exec.Command(programs.local, "write", folder, "--acks", "tcp://"+listener.Addr().String())
	require.NoError(t, run.Start())
	t.Cleanup(func() { _ = run.Process.Kill() }) // unless the test ended it
	connection, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, connection.Close()) })
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(patience)))
	var received bytes.Buffer
	lines := bufio.NewReader(io.TeeReader(connection, &received))
	for range 10 {
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
	}
	killWithItsWriter(t, run, folder)
	_, err = io.Copy(io.Discard, lines)
	require.NoError(t, err)

	acks := filepath.Join(t.TempDir(), "acks")
	require.NoError(t, os.WriteFile(acks, received.Bytes(), 0o600))
	description, acknowledged, err := protocol.ReadAcks(&received)
	require.NoError(t, err)
	require.Equal(t, terminal.ExitOK, verify(t, description.Path, acks))
	lost := int64(acknowledged[len(acknowledged)-1].Seq-1) * int64(description.RecordSize)
	require.NoError(t, os.Truncate(description.Path, lost))
	require.Equal(t, terminal.ExitFail, verify(t, description.Path, acks), "the last acknowledged record is lost")
}

func TestFilesystem_UnmountedByAnotherIsALoss(t *testing.T) {
	t.Parallel()
	folder := tmpfs(t, "size=16m")
	cmd, bundle := command(t, folder, "--total-chaos-duration=600")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // unless the test ended it
	deadline := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer deadline.Stop()
	progress := bufio.NewScanner(stderr)
	awaitLine(t, progress, "chaos: ")
	sh(t, "umount --lazy "+folder)
	// Only a writer that started after that makes a folder in what is below.
	var writers []int
	require.Eventually(t, func() bool {
		entries, err := os.ReadDir(folder)
		writers = writersIn(t, folder)
		return err == nil && len(entries) > 0 && len(writers) == 1
	}, patience, 10*time.Millisecond)
	awaitLine(t, progress, fmt.Sprintf("(process %d)", writers[0]))
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_, err = io.Copy(io.Discard, stderr)
	require.NoError(t, err)
	_ = cmd.Wait() // the exit code is below
	o := outcome{code: cmd.ProcessState.ExitCode(), bundle: bundle}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &o.result))
	o.requireVerdict(t, judge.Fail)
	assert.Contains(t, o.classes(t), judge.Missing)
	requireEmpty(t, folder)
}

// A FUSE filesystem whose process was killed stays in the mount table. Each access fails with ENOTCONN.
func TestVerify_MountThatIsNotConnectedIsUnavailable(t *testing.T) {
	folder, process := faultyProcess(t, "hang-read", "close=99")
	unmountAtEnd(t, folder)
	helper := func(args ...string) string {
		output, err := exec.Command(programs.local, append([]string{"helper", "probe"}, args...)...).Output()
		require.NoError(t, err)
		return strings.TrimSuffix(string(output), "\n")
	}
	token := helper("write", "--folder", folder)
	path := filepath.Join(folder, "durability-"+strings.Split(token, ".")[1]+".log")
	require.FileExists(t, path)
	require.NoError(t, process.Kill())
	require.Eventually(t, func() bool {
		_, err := os.Stat(path)
		return errors.Is(err, syscall.ENOTCONN)
	}, patience, 10*time.Millisecond)

	assert.Equal(t, terminal.ExitFail, verify(t, path, token))
	lost := helper("verify", "--folder", folder, "--ledger", token)
	assert.Contains(t, lost, "lost: unavailable (")
	assert.True(t, strings.HasSuffix(lost, "; file "+path), lost)
}

// awaitLine reads lines up to the first that contains a text.
func awaitLine(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	require.Fail(t, "the run ended before it printed a line", "%q: %v", text, lines.Err())
}
