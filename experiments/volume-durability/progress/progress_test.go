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

// play shows a short run of two cells.
func play(t *testing.T, v *View) {
	t.Helper()
	fast, control := options.CellSpec{StorageClass: "fast"}, options.CellSpec{Name: options.ControlName, Control: true, VolumeSource: options.EmptyDir}
	v.Planned([]options.CellSpec{fast, control})
	for _, a := range []ledger.Ack{ack(1, 10), ack(1, 20), ack(1, 20)} {
		v.Acknowledged(fast, a)
	}
	require.NoError(t, v.Written(t.Context(), nil))
	require.NoError(t, v.ChaosBegins(t.Context()))
	v.Deleting(fast, result.Pod{Name: "write-pod", Node: "n1"})
	v.Acknowledged(fast, ack(2, 5))
	v.Reading(fast)
	v.Judged(result.Cell{Plan: fast, Verdict: judge.Pass, Reason: "all is there"})
	v.Judged(result.Cell{Plan: control, Verdict: judge.Fail, Reason: "all is gone", Findings: []judge.Finding{{Class: judge.Missing, Records: 20}}})
	require.NoError(t, v.ChaosEnded(t.Context()))
	assert.False(t, v.Stopping(t.Context()))
}

func TestPlainLinesSayWhatHappens(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, false, options.Defaults())
	play(t, v)
	_, err := v.Write([]byte("a line of the log\n"))
	require.NoError(t, err)
	v.Close()
	for _, said := range []string{
		"trying fast, control", "write-pod on n1 is deleted, 20 records acknowledged", "fast: the journal is read back",
		"fast: kept: all is there", "control: lost, as it must: all is gone", "a line of the log",
	} {
		assert.Contains(t, out.String(), said)
	}
	assert.NotContains(t, out.String(), "\x1b", "nothing moves a cursor")
}

func TestATerminalShowsALineForEachCell(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, true, options.Defaults())
	play(t, v)
	v.Close()
	c := v.cells[""]
	assert.Equal(t, uint64(25), c.records, "acknowledgements are cumulative in their epoch")
	assert.Equal(t, "  fast        25 records safe           1 deletion   kept: all is there", v.cellLine(c, 4))
	assert.Contains(t, out.String(), "fast")
	assert.Contains(t, out.String(), "kept: all is there")
	assert.NotContains(t, out.String(), "write-pod on n1 is deleted", "the lines that change show it")
}

func TestAnUnknownCellChangesNothing(t *testing.T) {
	v := New(&bytes.Buffer{}, false, options.Defaults())
	defer v.Close()
	v.Acknowledged(options.CellSpec{Name: "nobody's"}, ack(1, 1))
	assert.Empty(t, v.progress())
}

func TestTheRateIsThatOfLate(t *testing.T) {
	var m meter
	at := time.Unix(0, 0)
	assert.Zero(t, m.rate(at))
	for i := range 10 {
		m.add(at.Add(time.Duration(i)*time.Second), uint64(i*100))
	}
	assert.InDelta(t, 100, m.rate(at.Add(9*time.Second)), 0.1)
	m.add(at.Add(10*time.Second), 900)
	assert.Less(t, m.rate(at.Add(10*time.Second)), 100.0)
	assert.Zero(t, m.rate(at.Add(20*time.Second)), "nothing was heard for long")
}

func TestABarIsFilledByItsShare(t *testing.T) {
	assert.Equal(t, "━━━━━─────", bar(0.5, 10))
	assert.Equal(t, "", bar(0.5, 3))
	assert.Equal(t, 10, strings.Count(bar(1, 10), "━"))
}
