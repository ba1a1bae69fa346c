package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// plain is the layout of text that is not written to a terminal.
var plain = layout{width: 100}

func TestSummary_LastLineSumsUpTheRun(t *testing.T) {
	last := func(r result.Result) string {
		lines := strings.Split(strings.TrimSpace(plain.summary(r)), "\n")
		return lines[len(lines)-1]
	}
	assert.Regexp(t, `^Pass: 1 cell, lost 0 of [\d ]+ records, slowest recovery \d+(\.\d+)?m?s$`, last(samples.Pass()))
	assert.Regexp(t, `^Fail: 1 cell, lost [\d ]+ of [\d ]+ records, slowest recovery .*s$`, last(samples.Fail()))
	matrix := `^Fail: \d cells \(\d Pass, \d Fail, \d Error, \d Skipped\), lost [\d ]+ of [\d ]+ records, slowest`
	assert.Regexp(t, matrix, last(samples.Matrix()))
	assert.Equal(t, "Error: 1 cell, no journal was read back", last(samples.Error()))
}

func TestSummary_ShowsWhereTheTimeWent(t *testing.T) {
	text := plain.summary(samples.Pass())
	assert.Regexp(t, `\nTime: [\d.]+s: [\d.]+s of chaos and ramp time, and [\d.]+s of overhead\n`+
		`Longest steps outside the chaos: removing 2\.2s, \S+ [\d.]+m?s, \S+ [\d.]+m?s\n\nPass: `, text)
	assert.Regexp(t, `removing 2\.2s \(ceph-rbd/graceful\)`, plain.summary(samples.Matrix()), "the cell is named")
	assert.Contains(t, plain.summary(samples.NotApplicable()), "\nTime: 800ms\n")
	old := samples.Pass()
	old.Phases = nil
	assert.NotContains(t, plain.summary(old), "Time:", "an older result does not have it")
}

func TestTable_FitsAndKeepsWhatMattersMost(t *testing.T) {
	r := samples.Matrix()
	for _, width := range []int{60, 80, 100, 120} {
		for line := range strings.Lines(layout{width: width}.summary(r)) {
			if strings.Contains(line, "  Pass  ") || strings.Contains(line, "VERDICT") {
				assert.LessOrEqual(t, runewidth.StringWidth(strings.TrimSuffix(line, "\n")), width, line)
			}
		}
	}
	assert.Contains(t, plain.table(r, 150), "COMMIT P50")
	assert.Contains(t, plain.table(r, 80), "RECOVERY")
	assert.NotContains(t, plain.table(r, 80), "COMMIT P50")
	assert.Contains(t, layout{palette: true}.table(r, 80), "\x1b[31mFail")
}

func TestFormatFlag_ColorsTextOnly(t *testing.T) {
	for format, colored := range map[string]bool{"": true, FormatTable: true, FormatJSON: false, FormatYAML: false} {
		f := FormatFlag{Value: format, Color: style.Always}
		var out bytes.Buffer
		require.NoError(t, f.WriteResult(&out, samples.Fail()))
		assert.Equal(t, colored, strings.Contains(out.String(), "\x1b["), format)
	}
	f := FormatFlag{Color: style.Auto}
	var out bytes.Buffer
	require.NoError(t, f.WriteResult(&out, samples.Fail()))
	assert.NotContains(t, out.String(), "\x1b[")
}

func TestSummary_OneCellListsWhatIsUnproven(t *testing.T) {
	s := plain.summary(samples.Pass())
	assert.Contains(t, s, "Pass: ")
	assert.Contains(t, s, "Not proven by this run\n  - ")
}

func TestSummary_FindingsHaveAPosition(t *testing.T) {
	s := plain.summary(samples.Fail())
	assert.Contains(t, s, "Fail: ")
	assert.Regexp(t, `Findings\n  - .*; (bytes [\d ]+ to [\d ]+|at byte [\d ]+)\n`, s)
}

func TestSummary_AMissedThresholdIsNotALoss(t *testing.T) {
	s := plain.summary(samples.TooSlow())
	assert.Contains(t, s, "Fail: a threshold was not met. Every acknowledged record was read back intact.")
	assert.Regexp(t, `Findings\n  - too-slow \(the slowest recovery took .*; the threshold is 1s\)\n`, s)
}

func TestHeadline_StatesWhatTheFindingsMean(t *testing.T) {
	acks := []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 10}}}
	for want, findings := range map[string][]judge.Finding{
		"Fail: not every acknowledged record could be read back intact.":        {{Class: judge.Torn, Records: 1}},
		"Fail: the volume could no longer be used.":                             {{Class: judge.ReadOnly}},
		"Fail: no acknowledged record was lost, but the data has other damage.": {{Class: judge.Duplicated, Records: 2}},
		"Fail: a threshold was not met.":                                        {{Class: judge.TooSlow}},
		"Fail: the run failed.":                                                 nil,
	} {
		c := result.Cell{Verdict: judge.Fail, Acks: acks, Findings: findings}
		assert.Equal(t, want, Headline(judge.Fail, []result.Cell{c}))
	}
	foreign := result.Cell{Acks: acks, Findings: []judge.Finding{{Class: judge.Foreign, End: 256}}}
	assert.NotContains(t, Headline(judge.Fail, []result.Cell{foreign}), "intact")
}

func TestHeadline_OfAPassNamesSupersededRecords(t *testing.T) {
	overwritten := result.Cell{Layout: pattern.NewLayout(pattern.Overwrite, 8)}
	assert.Equal(t, "Pass: every acknowledged record was read back intact, or was replaced by a later one.",
		Headline(judge.Pass, []result.Cell{{}, overwritten}))
	assert.Equal(t, "Pass: every acknowledged record was read back intact.", Headline(judge.Pass, []result.Cell{{}}))
	removed := result.Cell{Layout: pattern.NewLayout(pattern.Remove, 8)}
	assert.Contains(t, Headline(judge.Pass, []result.Cell{removed}), "or was replaced or removed by a later operation")
}

func TestDescribeFinding_Position(t *testing.T) {
	corrupt := judge.Finding{Class: judge.Corrupt, Offset: 256, End: 512}
	assert.Equal(t, "corrupt; bytes 256 to 511", describeFinding(corrupt))
	lostTail := judge.Finding{Class: judge.LostTail, Offset: 256, End: 256}
	assert.Equal(t, "lost-tail; at byte 256", describeFinding(lostTail))
	file := judge.Finding{Class: judge.Stale, Object: "file-0000003", End: 256, Detail: "has an older record"}
	assert.Equal(t, "stale (file-0000003 has an older record)", describeFinding(file))
	slot := judge.Finding{Class: judge.Missing, Object: "slot 1", Offset: 256, End: 512, Detail: "has only zeros"}
	assert.Equal(t, "missing (slot 1 has only zeros); bytes 256 to 511", describeFinding(slot))
	assert.Equal(t, "missing", describeFinding(judge.Finding{Class: judge.Missing}))
}

func TestSummary_SeveralCellsListReasonsOfUnexpectedVerdicts(t *testing.T) {
	r := samples.Matrix()
	s := plain.summary(r)
	for _, c := range r.Cells {
		reason := "\n" + c.Spec.Name + ": "
		switch {
		case c.Spec.Control:
			assert.NotContains(t, s, reason, "it lost its data, as expected")
		case c.Verdict == "Pass":
			assert.NotContains(t, s, reason)
		default:
			assert.Contains(t, s, reason)
		}
	}
}

func TestSummary_WithoutCellsHasTheReason(t *testing.T) {
	assert.Contains(t, plain.summary(samples.NotApplicable()), "Swarm")
	assert.Contains(t, plain.summary(samples.Error()), "Error: ")
	assert.Contains(t, plain.summary(samples.Stopped()), "Stopped: ")
}

func TestTerminalLog_HasNoTimestamps(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, logrus.WarnLevel)
	log.WithFields(logrus.Fields{"pod": "write-pod", "cell": "fast"}).Warn("waiting")
	log.Info("not shown")
	assert.Equal(t, "warning: waiting; cell fast; pod write-pod\n", out.String())
}

func TestLastLine_RoundsAsTheTable(t *testing.T) {
	c := samples.Pass().Cells[0]
	deleted := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range c.Epochs {
		c.Epochs[i].DeletionRequestedAt, c.Epochs[i].FirstAckAt = deleted, deleted.Add(58400*time.Microsecond)
	}
	r := result.Result{Cells: []result.Cell{c}}
	assert.Contains(t, lastLine(judge.Pass, r.Cells), "slowest recovery 58ms")
	assert.Contains(t, r.Table(), " 58ms ")
}

func TestLastLine_LeavesOutSkippedCells(t *testing.T) {
	skipped := samples.Pass().Cells[0]
	require.NotZero(t, skipped.SlowestRecovery())
	skipped.Verdict = judge.Skipped
	assert.NotContains(t, lastLine(judge.Error, []result.Cell{skipped}), "recovery")
}
