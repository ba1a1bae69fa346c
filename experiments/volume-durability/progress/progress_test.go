package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func ack(epoch int, seq uint64) ledger.Ack {
	return ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: seq}}
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
	v := New(&out, false, options.Defaults())
	showRun(t, v)
	_, err := v.Write([]byte("a line of the log\n"))
	require.NoError(t, err)
	v.Close()
	for _, want := range []string{
		"cells: fast, control", "fast: deleting pod write-pod on node n1 (20 records acknowledged so far)",
		"fast: reading the journal back", "fast: Pass: all are there",
		"control: Fail, as expected: the journal is missing", "a line of the log",
	} {
		assert.Contains(t, out.String(), want)
	}
	assert.NotContains(t, out.String(), "\x1b", "no escape sequences")
}

func TestView_TerminalHasALinePerCell(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, true, options.Defaults())
	showRun(t, v)
	v.Close()
	r := v.rows[""]
	assert.Equal(t, uint64(25), r.records, "acknowledgements are cumulative in an epoch")
	assert.Equal(t, "  fast        25 acknowledged           1 deletion   Pass: all are there", v.rowLine(r, 4))
	assert.Contains(t, out.String(), "fast")
	assert.Contains(t, out.String(), "Pass: all are there")
	assert.NotContains(t, out.String(), "deleting pod write-pod", "the line of the cell shows it")
}

func TestVerdictLabel_OfAControlWithoutItsLoss(t *testing.T) {
	control := result.Cell{Spec: options.CellSpec{Control: true}, Verdict: judge.Fail}
	control.Findings = []judge.Finding{{Class: judge.Unavailable}}
	assert.Equal(t, "Loss not detected", VerdictLabel(control))
	control.Findings = []judge.Finding{{Class: judge.Missing, Records: 20}}
	assert.Equal(t, "Fail, as expected", VerdictLabel(control))
}

func TestView_IgnoresUnplannedCells(t *testing.T) {
	v := New(&bytes.Buffer{}, false, options.Defaults())
	defer v.Close()
	v.RecordsAcknowledged(options.CellSpec{Name: "unplanned"}, ack(1, 1))
	assert.Empty(t, v.writersLine())
}

func TestRate_CoversTheLastSeconds(t *testing.T) {
	var r rate
	at := time.Unix(0, 0)
	assert.Zero(t, r.perSecond(at))
	for i := range 10 {
		r.add(at.Add(time.Duration(i)*time.Second), uint64(i*100))
	}
	assert.InDelta(t, 100, r.perSecond(at.Add(9*time.Second)), 0.1)
	r.add(at.Add(10*time.Second), 900)
	assert.Less(t, r.perSecond(at.Add(10*time.Second)), 100.0)
	assert.Zero(t, r.perSecond(at.Add(20*time.Second)), "no samples in the window")
}

func TestBar_IsFilledByItsShare(t *testing.T) {
	assert.Equal(t, "━━━━━─────", bar(0.5, 10))
	assert.Equal(t, "", bar(0.5, 3))
	assert.Equal(t, 10, strings.Count(bar(1, 10), "━"))
}
