//go:build linux || darwin

package progress

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// fifoVariable is set in the process that shows a view in a pane of tmux. Its value is a FIFO, which has the names of
// the steps to show, one in each line.
const fifoVariable = "VOLUME_DURABILITY_TEST_FIFO"

func TestMain(m *testing.M) {
	if fifo := os.Getenv(fifoVariable); fifo != "" {
		showSteps(fifo)
		return
	}
	os.Exit(m.Run())
}

// showSteps shows the hooks of a recorded run on the terminal, by a clock that only the steps advance.
func showSteps(fifo string) {
	steps, err := os.Open(fifo)
	if err != nil {
		panic(err)
	}
	clock := &fakeClock{time.Unix(0, 0)}
	v := newView(style.Auto.Palette(os.Stdout), options.Defaults(), clock.now)
	v.screen = newTerminalView(os.Stdout, v)
	cell := options.CellSpec{StorageClass: "csi-ext4"}
	show := map[string]func(){
		"plan": func() { v.CellsPlanned([]options.CellSpec{cell}) },
		"write": func() {
			v.RecordsAcknowledged(cell, clock.ack(1, 10))
			clock.advance(time.Second)
			v.RecordsAcknowledged(cell, clock.ack(1, 110))
		},
		"delete": func() {
			v.BeforeDeletion(cell, result.Pod{Name: "write-pod", Node: "n1"})
			clock.advance(2 * time.Second)
			v.RecordsAcknowledged(cell, clock.ack(1, 120))
		},
		"schedule": func() { v.WaitingFor(cell, "scheduling", "Unschedulable: 0/2 nodes are available") },
		"attach":   func() { v.WaitingFor(cell, "attaching to n2", "") },
		"mount": func() {
			clock.advance(5 * time.Second)
			v.WaitingFor(cell, "mounting on n2", "")
		},
		"restore": func() {
			clock.advance(2100 * time.Millisecond)
			v.RecordsAcknowledged(cell, clock.ack(2, 3))
		},
		"log": func() { fmt.Fprintln(v, "warning: a line of the log") },
		"judge": func() {
			v.CellJudged(result.Cell{Spec: cell, Verdict: judge.Pass, Reason: "every record is there"})
		},
		"matrix": func() { matrix(v) },
		"resume": func() { v.BeforeRead(v.order[14].spec) },
		"close":  v.Close,
	}
	lines := bufio.NewScanner(steps)
	for lines.Scan() {
		show[lines.Text()]()
	}
}

// pane is a pane of tmux that shows a view.
type pane struct {
	t             *testing.T
	socket        string
	width, height int
	steps         *os.File
}

func newPane(t *testing.T, width, height int) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux: ", err)
	}
	// The path of a socket is limited to about 100 bytes, so t.TempDir may be too long.
	folder, err := os.MkdirTemp("", "pane")
	require.NoError(t, err)
	p := &pane{t: t, socket: filepath.Join(folder, "tmux"), width: width, height: height}
	fifo := filepath.Join(folder, "steps")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	// Opened for reading too, so that opening it does not wait for the process in the pane.
	p.steps, err = os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	// The pane stays open after the program has ended, until a line is written to the FIFO.
	shell := fmt.Sprintf("%s=%s %s; read _ <%s", fifoVariable, fifo, program, fifo)
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), shell)
	t.Cleanup(func() {
		p.tmux("kill-server")
		require.NoError(t, p.steps.Close())
		require.NoError(t, os.RemoveAll(folder))
	})
	return p
}

// tmux runs a command of the server of this pane.
func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	command := exec.Command("tmux", append([]string{"-u", "-S", p.socket}, args...)...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=", "NO_COLOR=")
	output, err := command.CombinedOutput()
	require.NoError(p.t, err, "tmux %v: %s", args, output)
	return string(output)
}

// show shows a step and returns what the pane shows once it contains a text. It checks that no line is wrapped.
func (p *pane) show(step, want string) string {
	p.t.Helper()
	_, err := fmt.Fprintln(p.steps, step)
	require.NoError(p.t, err)
	var text string
	require.Eventually(p.t, func() bool {
		text = p.tmux("capture-pane", "-p")
		return strings.Contains(text, want)
	}, 20*time.Second, 20*time.Millisecond, "step %s: the pane does not show %q", step, want)
	// -J joins wrapped lines and keeps trailing spaces.
	joined := strings.Split(p.tmux("capture-pane", "-p", "-J"), "\n")
	for _, line := range joined {
		assert.LessOrEqual(p.t, runewidth.StringWidth(strings.TrimRight(line, " ")), p.width, "a line is wrapped")
	}
	assert.LessOrEqual(p.t, strings.Count(text, "CELL"), 1, "the view is drawn once:\n%s", text)
	return text
}

var sizes = [][2]int{{80, 24}, {200, 50}}

func TestTerminal_ShowsTheStepsOfARecovery(t *testing.T) {
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := newPane(t, size[0], size[1])
			p.show("plan", "queued")
			p.show("write", "writing 100/s")
			text := p.show("delete", "terminating, 2.0 s")
			assert.NotContains(t, text, "writing")
			p.show("schedule", "scheduling, 2.0 s: Unsched")
			p.show("attach", "attaching to n2, 2.0 s")
			p.show("mount", "mounting on n2, 7.0 s")
			p.show("restore", "writing, back after 9.1 s")
			text = p.show("log", "warning: a line of the log")
			assert.Less(t, strings.Index(text, "warning"), strings.Index(text, "CELL"), "above the view")
			p.show("judge", "Pass: every record is there")
			text = p.show("close", "done")
			assert.Contains(t, text, "Pass: every record is there", "the last lines stay")
		})
	}
}

func TestTerminal_MatrixFits(t *testing.T) {
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := newPane(t, size[0], size[1])
			text := p.show("matrix", "40 cells: 12 done (1 not passed), 3 running, 25 queued")
			require.Eventually(t, func() bool { // the rows are drawn after the counts
				text = p.tmux("capture-pane", "-p")
				return strings.Contains(text, "… and 21 queued") || strings.Count(text, "  queued\n") == 25
			}, 20*time.Second, 20*time.Millisecond)
			lines := strings.Split(text, "\n")
			first := 0
			for !strings.Contains(lines[first], "CELL") {
				first++
			}
			assert.Contains(t, lines[first+1], "Fail: lost-tail", "failed cells are first")
			for _, line := range lines[first+2 : first+5] {
				assert.Regexp(t, "writing|mounting on", line, "then those that are running")
			}
			assert.Contains(t, text, "queued\n")
			if size[1] < 40 {
				assert.Contains(t, text, "… and 21 queued")
			} else {
				assert.Equal(t, 25, strings.Count(text, "  queued\n"), "all cells")
			}
			p.show("resume", "reading the journal back")
		})
	}
}
