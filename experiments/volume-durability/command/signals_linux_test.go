package command

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

func TestSignals_SecondCtrlCAtATerminalNamesWhatStays(t *testing.T) {
	control, terminalFile := openTerminal(t)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), runInChild+"=1")
	c.Stdin, c.Stdout, c.Stderr = terminalFile, terminalFile, terminalFile
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, unless the test failed
	require.NoError(t, terminalFile.Close())
	var shown syncBuffer
	go func() { _, _ = io.Copy(&shown, control) }() // it ends when the test closes the terminal
	shown.await(t, "running")
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	pressCtrlC := time.NewTicker(50 * time.Millisecond)
	defer pressCtrlC.Stop()
	for done := false; !done; {
		select {
		case <-exited:
			done = true
		case <-pressCtrlC.C:
			_, err := control.Write([]byte{3})
			require.NoError(t, err)
		case <-t.Context().Done():
			require.Fail(t, "the test ended")
		}
	}
	assert.Equal(t, terminal.ExitInterrupted, c.ProcessState.ExitCode())
	shown.await(t, "Not removed from namespace stig: pod write-pod")
	text := strings.Join(strings.Fields(shown.String()), " ")
	assert.Contains(t, text, "press Ctrl-C again to exit without removing it")
	assert.Contains(t, text, "interrupt received: still removing", "the second one came too soon")
	assert.Contains(t, shown.String(), "volume-durability cleanup -n stig --run run-1", "a command is in one line")
	assert.Regexp(t, `removing what the run created; press\r\n {8}Ctrl-C again`, shown.String(),
		"it is wrapped, and its second line is indented")
}

// openTerminal returns both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (control, other *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = control.Close() }) // nothing in it could be lost
	require.NoError(t, unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	other, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(control.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 60, Row: 20}))
	return control, other
}
