//go:build linux || darwin

package command

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/helper"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// runInChild makes the test program a run that only waits for signals, helperInChild makes it durability-helper.
const (
	runInChild    = "VOLUME_DURABILITY_TEST_RUN"
	helperInChild = "VOLUME_DURABILITY_TEST_HELPER"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperInChild) != "" {
		os.Exit(helper.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	if os.Getenv(runInChild) != "" {
		os.Exit(waitForSignals())
	}
	// With nohup, this program and its children would ignore SIGHUP. A child has the default if this program handles it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// waitForSignals is a run that ends with the first signal, and removes its pod once standard input has a line.
func waitForSignals() int {
	ctx, stop := terminal.NotifyContext(context.Background())
	defer stop()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "write-pod", Namespace: "stig", Labels: map[string]string{kube.RunLabel: "run-1"},
	}}
	spec := runSpec{id: "run-1", options: options.Defaults(), cluster: connection{client: fake.NewClientset(pod)}}
	view := progress.New(os.Stderr, style.Never, spec.options)
	stopHandling := handleInterrupts(ctx, Streams{Out: os.Stdout, ErrOut: os.Stderr}, view, spec)
	view.Printf("running")
	<-ctx.Done()
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return terminal.ExitError
	}
	stopHandling()
	view.Printf("removed")
	return terminal.ExitInterrupted
}

// child is a run in a process of its own.
type child struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stderr *bufio.Scanner
}

func startChild(t *testing.T) child {
	t.Helper()
	c := child{Cmd: exec.Command(os.Args[0])}
	c.Env = append(os.Environ(), runInChild+"=1")
	var err error
	c.stdin, err = c.StdinPipe()
	require.NoError(t, err)
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	c.stderr = bufio.NewScanner(stderr)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, unless the test failed
	c.awaitLine(t, "running")
	return c
}

// awaitLine reads standard error up to a line with a text, and returns that line.
func (c child) awaitLine(t *testing.T, text string) string {
	t.Helper()
	for c.stderr.Scan() {
		if strings.Contains(c.stderr.Text(), text) {
			return c.stderr.Text()
		}
	}
	require.Fail(t, "the process ended too early", "%q was not printed: %v", text, c.stderr.Err())
	return ""
}

// The signals are those that timeout(1), CI services and closed terminals send.
func TestSignals_OfProgramsNeverLeaveObjectsBehind(t *testing.T) {
	for _, signals := range [][]os.Signal{
		{syscall.SIGTERM, syscall.SIGTERM},
		{os.Interrupt, syscall.SIGTERM},
		{os.Interrupt, os.Interrupt},
		{syscall.SIGHUP, syscall.SIGHUP},
		{syscall.SIGHUP, syscall.SIGTERM},
	} {
		t.Run(fmt.Sprint(signals), func(t *testing.T) {
			t.Parallel()
			c := startChild(t)
			require.NoError(t, c.Process.Signal(signals[0]))
			assert.NotContains(t, c.awaitLine(t, "interrupted: removing"), "Ctrl-C", "there is no terminal")
			require.NoError(t, c.Process.Signal(signals[1]))
			c.awaitLine(t, signals[1].String()+" received: still removing")
			_, err := fmt.Fprintln(c.stdin)
			require.NoError(t, err)
			c.awaitLine(t, "removed")
			_ = c.Wait() // the exit code is below
			assert.Equal(t, terminal.ExitInterrupted, c.ProcessState.ExitCode())
		})
	}
}

func TestSignals_IgnoredHangupStaysIgnored(t *testing.T) {
	c := child{Cmd: exec.Command("sh", "-c", `trap "" HUP; exec "$0"`, os.Args[0])}
	c.Env = append(os.Environ(), runInChild+"=1")
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	c.stderr = bufio.NewScanner(stderr)
	c.stdin, err = c.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, unless the test failed
	c.awaitLine(t, "running")
	require.NoError(t, c.Process.Signal(syscall.SIGHUP))
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	c.awaitLine(t, "interrupted: removing")
	_, err = fmt.Fprintln(c.stdin)
	require.NoError(t, err)
	for c.stderr.Scan() {
		assert.NotContains(t, c.stderr.Text(), "received", "SIGTERM must be the first signal")
	}
	_ = c.Wait() // it was interrupted
}

// syncBuffer collects what is written to it.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// await returns once the buffer contains a text.
func (b *syncBuffer) await(t *testing.T, text string) {
	t.Helper()
	contains := func() bool { return strings.Contains(b.String(), text) }
	require.Eventually(t, contains, time.Minute, 10*time.Millisecond, text)
}
