package progress

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// fakeClock is a clock that only the test advances.
type fakeClock struct{ at time.Time }

func (c *fakeClock) now() time.Time          { return c.at }
func (c *fakeClock) advance(d time.Duration) { c.at = c.at.Add(d) }

// ack returns an acknowledgement of this moment.
func (c *fakeClock) ack(epoch int, seq uint64) ledger.Ack {
	a := ack(epoch, seq)
	a.Time = c.at
	return a
}

// ack returns an acknowledgement without a time.
func ack(epoch int, seq uint64) ledger.Ack {
	return ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: seq}}
}

// discard is a screen that shows nothing.
type discard struct{ *bytes.Buffer }

func (discard) printLine(string) {}
func (discard) event(string)     {}
func (discard) update()          {}
func (discard) close()           {}

// newTestView returns a view without a screen, and its clock.
func newTestView() (*View, *fakeClock) {
	clock := &fakeClock{time.Unix(0, 0)}
	v := newView(false, options.Defaults(), clock.now)
	v.screen = discard{&bytes.Buffer{}}
	return v, clock
}

// stateOf returns what the view shows about a cell.
func stateOf(v *View, spec options.CellSpec) string {
	return v.rows[spec.Name].state(v.now(), v.options.WriteRate)
}

// showRun shows a short run of two cells.
func showRun(t *testing.T, v *View) {
	t.Helper()
	fast := options.CellSpec{StorageClass: "fast"}
	control := options.CellSpec{Name: options.ControlName, Control: true, VolumeSource: options.EmptyDir}
	v.CellsPlanned([]options.CellSpec{fast, control})
	for _, a := range []ledger.Ack{ack(1, 10), ack(1, 20), ack(1, 20)} {
		v.RecordsAcknowledged(fast, a)
	}
	require.NoError(t, v.WritersReady(t.Context(), nil))
	require.NoError(t, v.BeforeChaos(t.Context()))
	v.BeforeDeletion(fast, result.Pod{Name: "write-pod", Node: "n1"})
	v.WaitingFor(fast, "mounting on n2", "FailedMount: stale file handle")
	v.WaitingFor(fast, "mounting on n2", "FailedMount: stale file handle")
	v.RecordsAcknowledged(fast, ack(2, 5))
	v.BeforeRead(fast)
	v.CellJudged(result.Cell{Spec: fast, Verdict: judge.Pass, Reason: "all are there"})
	v.CellJudged(result.Cell{
		Spec: control, Verdict: judge.Fail, Reason: "the journal is missing",
		Findings: []judge.Finding{{Class: judge.Missing, Records: 20}},
	})
	require.NoError(t, v.AllCellsJudged(t.Context()))
	assert.False(t, v.IsStopping(t.Context()))
}

func TestView_LogHasALinePerEvent(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, style.Auto, options.Defaults())
	showRun(t, v)
	_, err := v.Write([]byte("a line of the log\n"))
	require.NoError(t, err)
	v.Close()
	v.Close()
	for _, want := range []string{
		"cells: fast, control", "fast: deleting pod write-pod on node n1 (20 records acknowledged so far)",
		"fast: mounting on n2: FailedMount: stale file handle", "fast: back after 0.0 s",
		"fast: reading the journal back", "fast: Pass: all are there",
		"control: Fail, as expected: the journal is missing", "a line of the log",
	} {
		assert.Equal(t, 1, strings.Count(out.String(), want), want)
	}
	assert.NotContains(t, out.String(), "\x1b", "no escape sequences")
}

func TestView_ShowsTheStepsOfARecovery(t *testing.T) {
	v, clock := newTestView()
	cell := options.CellSpec{StorageClass: "fast"}
	v.CellsPlanned([]options.CellSpec{cell})
	assert.Equal(t, "queued", stateOf(v, cell))
	v.WaitingFor(cell, "creating the claim", "")
	assert.Equal(t, "creating the claim, 0.0 s", stateOf(v, cell))
	v.RecordsAcknowledged(cell, clock.ack(1, 10))
	assert.Equal(t, "writing", stateOf(v, cell), "the rate is not known yet")
	clock.advance(time.Second)
	v.RecordsAcknowledged(cell, clock.ack(1, 110))
	assert.Equal(t, "writing 100/s", stateOf(v, cell))

	v.BeforeDeletion(cell, result.Pod{Name: "write-pod", Node: "n1"})
	clock.advance(2 * time.Second)
	assert.Equal(t, "terminating, 2.0 s", stateOf(v, cell))
	v.RecordsAcknowledged(cell, clock.ack(1, 120))
	assert.Equal(t, "terminating, 2.0 s", stateOf(v, cell), "the last acknowledgement of the deleted writer")
	v.WaitingFor(cell, "deleted", "")
	v.WaitingFor(cell, "scheduling", "")
	v.WaitingFor(cell, "attaching to n2", "")
	clock.advance(5 * time.Second)
	assert.Equal(t, "attaching to n2, 7.0 s", stateOf(v, cell))
	v.WaitingFor(cell, "mounting on n2", "FailedMount: stale file handle")
	assert.Equal(t, "mounting on n2, 7.0 s: FailedMount: stale file handle", stateOf(v, cell))
	clock.advance(2100 * time.Millisecond)
	v.RecordsAcknowledged(cell, clock.ack(2, 3))
	assert.Equal(t, "writing, back after 9.1 s", stateOf(v, cell))
	clock.advance(time.Second)
	v.RecordsAcknowledged(cell, clock.ack(2, 53))
	assert.Equal(t, "writing 50/s, back after 9.1 s", stateOf(v, cell))
	assert.Equal(t, uint64(173), v.rows[""].records, "acknowledgements are cumulative in an epoch")

	clock.advance(8 * time.Second)
	assert.Equal(t, "no acknowledgement for 8.0 s", stateOf(v, cell))
	v.BeforeRead(cell)
	assert.Equal(t, "reading the journal back, 0.0 s", stateOf(v, cell))
	v.CellJudged(result.Cell{Spec: cell, Verdict: judge.Pass, Reason: "all are there"})
	v.WaitingFor(cell, "scheduling", "")
	assert.Equal(t, "Pass: all are there", stateOf(v, cell), "the pod that removes a folder changes nothing")
}

func TestView_AnInterruptedCellIsBeingRemoved(t *testing.T) {
	v, clock := newTestView()
	running, queued := options.CellSpec{Name: "running"}, options.CellSpec{Name: "queued"}
	v.CellsPlanned([]options.CellSpec{running, queued})
	v.RecordsAcknowledged(running, clock.ack(1, 10))
	v.Removing()
	clock.advance(10 * time.Second)
	v.RecordsAcknowledged(running, clock.ack(1, 20))
	assert.Equal(t, "removing, 10.0 s", stateOf(v, running))
	assert.Equal(t, "queued", stateOf(v, queued))
}

func TestView_NoRecoveryOfACellThatIsBeingRemoved(t *testing.T) {
	v, clock := newTestView()
	cell := options.CellSpec{StorageClass: "fast"}
	v.CellsPlanned([]options.CellSpec{cell})
	v.RecordsAcknowledged(cell, clock.ack(1, 10))
	v.BeforeDeletion(cell, result.Pod{})
	clock.advance(time.Second)
	v.Removing()
	v.RecordsAcknowledged(cell, clock.ack(2, 1))
	v.WaitingFor(cell, "deleted", "")
	clock.advance(2 * time.Second)
	assert.Equal(t, "removing, 2.0 s", stateOf(v, cell))
	assert.Zero(t, v.rows[""].recovery)
}

func TestView_SlowWriterIsNotSilent(t *testing.T) {
	v, clock := newTestView()
	v.options.WriteRate = 0.1
	cell := options.CellSpec{StorageClass: "fast"}
	v.CellsPlanned([]options.CellSpec{cell})
	v.RecordsAcknowledged(cell, clock.ack(1, 1))
	clock.advance(15 * time.Second)
	assert.Equal(t, "writing", stateOf(v, cell))
	clock.advance(10 * time.Second)
	assert.Equal(t, "no acknowledgement for 25.0 s", stateOf(v, cell))
}

// matrix shows a run of 40 cells: 12 have a verdict, 3 are running.
func matrix(v *View) {
	var cells []options.CellSpec
	for i := range 40 {
		cells = append(cells, options.CellSpec{Name: fmt.Sprintf("longhorn-replicated-%02d/filesystem/other", i)})
	}
	v.CellsPlanned(cells)
	for i, spec := range cells[:15] {
		v.WaitingFor(spec, "creating the claim", "")
		v.RecordsAcknowledged(spec, ack(1, 1000))
		switch {
		case i == 9:
			v.CellJudged(result.Cell{Spec: spec, Verdict: judge.Fail, Reason: "lost-tail: 32 acknowledged records"})
		case i < 12:
			v.CellJudged(result.Cell{Spec: spec, Verdict: judge.Pass, Reason: "every acknowledged record is there"})
		}
	}
	v.WaitingFor(cells[13], "mounting on node-2.example.com", "FailedMount: "+strings.Repeat("stale file handle ", 9))
}

func TestFrame_FitsTheTerminal(t *testing.T) {
	v, _ := newTestView()
	matrix(v)
	v.PhaseChanged(phaseChaos)
	for _, size := range [][2]int{{80, 23}, {100, 30}, {200, 49}, {40, 5}, {40, 1}} {
		frame := v.frame(size[0], size[1])
		assert.LessOrEqual(t, len(frame), max(size[1], 4))
		for _, line := range frame {
			assert.LessOrEqual(t, runewidth.StringWidth(line), size[0], line)
		}
	}
}

func TestFrame_FailedAndRunningCellsComeFirst(t *testing.T) {
	v, _ := newTestView()
	matrix(v)
	frame := v.frame(80, 23)
	require.Len(t, frame, 23)
	assert.Equal(t, "40 cells: 12 done (1 not passed), 3 running, 25 queued", frame[1])
	assert.Contains(t, frame[3], "Fail: lost-tail")
	assert.Contains(t, frame[3], "-09/", "shortened names differ")
	for _, line := range frame[4:7] {
		assert.Regexp(t, "writing|mounting on", line)
	}
	assert.Contains(t, frame[7], "Pass")
	assert.Contains(t, frame[18], "queued")
	assert.Equal(t, "  … and 21 queued", frame[22])
	assert.Len(t, v.frame(80, 60), 43, "all cells")
}

func TestFrame_ColoursStates(t *testing.T) {
	v, _ := newTestView()
	v.palette = true
	matrix(v)
	text := strings.Join(v.frame(80, 23), "\n")
	for _, want := range []string{"\x1b[31mFail", "\x1b[32mPass", "\x1b[33mmounting", "\x1b[2m  lon"} {
		assert.Contains(t, text, want)
	}
}

func TestView_ControlThatLostItsDataIsNotAFailure(t *testing.T) {
	v, _ := newTestView()
	showRun(t, v)
	assert.Equal(t, "2 cells: 2 done", v.counts())
}

func TestVerdictLabel_OfAControlWithoutItsLoss(t *testing.T) {
	control := result.Cell{Spec: options.CellSpec{Control: true}, Verdict: judge.Fail}
	control.Findings = []judge.Finding{{Class: judge.Unavailable}}
	assert.Equal(t, "Loss not detected", VerdictLabel(control))
	control.Findings = []judge.Finding{{Class: judge.Missing, Records: 20}}
	assert.Equal(t, "Fail, as expected", VerdictLabel(control))
}

func TestView_IgnoresUnplannedCells(t *testing.T) {
	v, _ := newTestView()
	v.RecordsAcknowledged(options.CellSpec{Name: "unplanned"}, ack(1, 1))
	assert.Empty(t, v.progressLine())
}

func TestProgressLine_HasRunningCellsOnly(t *testing.T) {
	v, _ := newTestView()
	matrix(v)
	line := v.progressLine()
	assert.Contains(t, line, "40 cells: 12 done (1 not passed), 3 running, 25 queued; records acknowledged: ")
	assert.Contains(t, line, "longhorn-replicated-12/filesystem/other 1 000 (writing)")
	assert.NotContains(t, line, "-11/")
	assert.NotContains(t, line, "-15/")
}

func TestLog_PrintsAReasonOnce(t *testing.T) {
	var out bytes.Buffer
	cell := options.CellSpec{StorageClass: "fast"}
	clock := &fakeClock{time.Unix(0, 0)}
	v := newView(false, options.Defaults(), clock.now)
	v.screen = newLogView(&out, v)
	v.CellsPlanned([]options.CellSpec{cell})
	const reason = "ErrImagePull: no such image. To fix this: set LIB_IMAGE"
	v.WaitingFor(cell, "starting on n1", reason)
	clock.advance(7 * time.Second)
	assert.Equal(t, "records acknowledged: fast 0 (starting on n1, 7.0 s)", v.progressLine())
	v.WaitingFor(cell, "starting on n1", reason)
	v.WaitingFor(cell, "Error, waiting for the other cell", "writer did not start: "+reason)
	v.CellJudged(result.Cell{Spec: cell, Verdict: judge.Error, Reason: "writer did not start: " + reason})
	v.Close()
	const shown = "ErrImagePull: no such image. To fix this: set --lib-image"
	assert.Equal(t, 1, strings.Count(out.String(), "on n1: "+shown+"\n"), out.String())
	assert.Equal(t, 1, strings.Count(out.String(), "writer did not start: "+shown+"\n"), out.String())
	assert.Contains(t, out.String(), "fast: Error\n")
	assert.NotContains(t, out.String(), "LIB_IMAGE")
}

func TestRate_CoversTheLastSeconds(t *testing.T) {
	var r rate
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	_, known := r.perSecond()
	assert.False(t, known)
	for i := range 10 {
		r.add(at(i), uint64(i*100))
	}
	perSecond, known := r.perSecond()
	assert.True(t, known)
	assert.InDelta(t, 100, perSecond, 0.1)
	r.add(at(10), 900)
	perSecond, _ = r.perSecond()
	assert.Less(t, perSecond, 100.0)
	r.add(at(20), 1000)
	perSecond, _ = r.perSecond()
	assert.InDelta(t, 10, perSecond, 0.1, "the last sample before the window is the base")
}

func TestRate_IsUnknownOverAShortTime(t *testing.T) {
	var r rate
	r.add(time.Unix(0, 0), 1)
	r.add(time.Unix(0, 0).Add(minRateSpan/2), 100)
	_, known := r.perSecond()
	assert.False(t, known)
}

func TestView_ShowsTheWritersRateWhenAcknowledgementsArriveAtOnce(t *testing.T) {
	v, clock := newTestView()
	cell := options.CellSpec{StorageClass: "fast"}
	v.CellsPlanned([]options.CellSpec{cell})
	late := []ledger.Ack{clock.ack(1, 100)}
	for i := range 4 {
		clock.advance(time.Second)
		late = append(late, clock.ack(1, uint64(100*(i+2))))
	}
	for _, a := range late {
		v.RecordsAcknowledged(cell, a)
	}
	assert.Equal(t, "writing 100/s", stateOf(v, cell))
}

func TestBar_IsFilledByItsShare(t *testing.T) {
	assert.Equal(t, "━━━━━─────", bar(0.5, 10))
	assert.Equal(t, "", bar(0.5, 3))
	assert.Equal(t, 10, strings.Count(bar(1, 10), "━"))
}

func TestView_NamesTheRangeOfRandomIntervals(t *testing.T) {
	for want, interval := range map[string][2]time.Duration{
		"every 10s for": {0, 10 * time.Second}, "every 1s to 2s for": {time.Second, 2 * time.Second},
		"every 2s for": {2 * time.Second, 2 * time.Second},
	} {
		var out bytes.Buffer
		values := options.Defaults()
		values.MinInterval, values.Interval = interval[0], interval[1]
		v := New(&out, style.Auto, values)
		require.NoError(t, v.BeforeChaos(t.Context()))
		v.Close()
		assert.Contains(t, out.String(), want)
	}
}

func TestFrame_CountsTheKillsOfALocalRun(t *testing.T) {
	v, _ := newTestView()
	cell := options.CellSpec{VolumeSource: options.Local}
	v.CellsPlanned([]options.CellSpec{cell})
	assert.Contains(t, strings.Join(v.frame(80, 23), "\n"), "DELETIONS")
	v.options.VolumeSource = options.Local
	text := strings.Join(v.frame(80, 23), "\n")
	assert.Contains(t, text, "KILLS")
	assert.NotContains(t, text, "DELETIONS")
}

func TestView_CellsWithoutAVerdictWereStopped(t *testing.T) {
	v, _ := newTestView()
	done, running := options.CellSpec{Name: "done", StorageClass: "done"}, options.CellSpec{Name: "on", StorageClass: "on"}
	v.CellsPlanned([]options.CellSpec{done, running, {Name: "later", StorageClass: "later"}})
	v.CellJudged(result.Cell{Spec: done, Verdict: judge.Pass})
	v.WaitingFor(running, "mounting on n2", "FailedMount: stale file handle")
	v.Close()
	text := strings.Join(v.frame(80, 10), "\n")
	assert.Contains(t, text, "  stopped\n3 cells: 1 done, 2 stopped\n")
	assert.NotContains(t, text, "running")
	assert.NotContains(t, text, "mounting")
}

func TestView_EndsAsStoppedWithAStoppedCell(t *testing.T) {
	v, _ := newTestView()
	cell := options.CellSpec{StorageClass: "fast"}
	v.CellsPlanned([]options.CellSpec{cell})
	v.CellJudged(result.Cell{Spec: cell, Verdict: judge.Stopped, Reason: "the run was stopped"})
	v.Close()
	assert.Contains(t, v.frame(80, 10)[0], "  stopped")
}

func TestView_EndsAsDoneIfEveryCellHasAVerdict(t *testing.T) {
	v, _ := newTestView()
	showRun(t, v)
	v.Close()
	assert.Contains(t, v.frame(80, 10)[0], "  done")
}

func TestView_ShortenedNamesStayDifferent(t *testing.T) {
	v, _ := newTestView()
	v.CellsPlanned([]options.CellSpec{
		{Name: "longhorn-rwo-graceful"}, {Name: "longhorn-rwop-graceful"},
	})
	names := v.layout(45).shortNames
	require.Len(t, names, 2)
	assert.NotEqual(t, names[v.order[0].spec.DisplayName()], names[v.order[1].spec.DisplayName()])
}

// A terminal shows ^C at the cursor, which is then no longer in the first column.
func TestTerminalView_DrawsFromTheFirstColumn(t *testing.T) {
	v, _ := newTestView()
	var out bytes.Buffer
	screen := newTerminalView(&out, v)
	screen.close()
	out.Reset()
	screen.closed = false
	screen.update()
	assert.True(t, strings.HasPrefix(out.String(), "\r"), "%q", out.String())
}
