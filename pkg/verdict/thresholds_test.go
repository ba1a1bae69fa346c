package verdict_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// measured returns a cell that lacks nothing. It recovered in 10 s, its slowest commits took 20 and 30 ms, and its rate
// was 90 records per second.
func measured() result.Cell {
	start := time.Unix(1000, 0)
	c := verified()
	c.Acks = []ledger.Ack{
		{Point: journal.Point{Epoch: 1, Seq: 10}}, {Point: journal.Point{Epoch: 2, Seq: 91}, Time: start.Add(time.Second)},
	}
	c.Epochs = []result.Epoch{
		{Number: 1, DeletionRequestedAt: start},
		{
			Number: 2, FirstAckAt: start.Add(10 * time.Second), DeletionRequestedAt: start.Add(time.Minute),
			FirstAck: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 1}, Time: start},
		},
	}
	c.Latency = &result.Latency{Count: 9, P50: time.Millisecond, P99: 20 * time.Millisecond, Max: 30 * time.Millisecond}
	return c
}

func decide(c *result.Cell, thresholds options.Thresholds) verdict.Shortfall {
	return verdict.Decide(c, verdict.Conditions{ActiveDeletions: 1, Thresholds: thresholds})
}

func TestDecide_ComparesEveryFigureWithItsThreshold(t *testing.T) {
	for name, c := range map[string]struct {
		met, missed options.Thresholds
		option      string
		measured    float64
		reason      string
	}{
		"recovery": {
			options.Thresholds{MaxRecovery: 10 * time.Second}, options.Thresholds{MaxRecovery: 9500 * time.Millisecond},
			"MAX_RECOVERY", 10, "the slowest recovery took 10s; the threshold is 9.5s",
		},
		"99th percentile": {
			options.Thresholds{MaxCommitP99: 20 * time.Millisecond}, options.Thresholds{MaxCommitP99: 19 * time.Millisecond},
			"MAX_COMMIT_P99", 0.02, "the 99th percentile of the commits took 20ms; the threshold is 19ms",
		},
		"longest commit": {
			options.Thresholds{MaxCommit: 30 * time.Millisecond}, options.Thresholds{MaxCommit: time.Millisecond},
			"MAX_COMMIT", 0.03, "the slowest commit took 30ms; the threshold is 1ms",
		},
		"rate": {
			options.Thresholds{MinRate: 90}, options.Thresholds{MinRate: 90.5},
			"MIN_RATE", 90, "the rate was 90 records/s; the threshold is 90.5 records/s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cell := measured()
			assert.Equal(t, verdict.None, decide(&cell, c.met))
			assert.Equal(t, judge.Pass, cell.Verdict, cell.Reason)
			assert.Empty(t, cell.Findings)
			require.Len(t, cell.Thresholds, 1)
			assert.Equal(t, c.option, cell.Thresholds[0].Option)
			assert.Equal(t, result.Met, cell.Thresholds[0].Outcome)

			cell = measured()
			assert.Equal(t, verdict.None, decide(&cell, c.missed))
			assert.Equal(t, judge.Fail, cell.Verdict, cell.Reason)
			assert.Equal(t, []judge.Finding{{Class: judge.TooSlow, Detail: c.reason}}, cell.Findings)
			assert.Contains(t, cell.Reason, c.reason)
			assert.Contains(t, cell.Reason, "intact", "the data is not in doubt")
			require.Len(t, cell.Thresholds, 1)
			assert.Equal(t, result.Missed, cell.Thresholds[0].Outcome)
			require.NotNil(t, cell.Thresholds[0].Measured)
			assert.InDelta(t, c.measured, *cell.Thresholds[0].Measured, 1e-9)
			assert.True(t, cell.IsOnlyTooSlow())
		})
	}
}

func TestDecide_AFigureJustAboveItsThresholdDoesNotLookEqual(t *testing.T) {
	for _, c := range []struct {
		measured, limit time.Duration
		want            string
	}{
		{30*time.Second + 1, 30 * time.Second, "took 30.001s; the threshold is 30s"},
		{170_754_191, time.Millisecond, "took 170.755ms; the threshold is 1ms"},
	} {
		cell := measured()
		cell.Epochs[1].FirstAckAt = cell.Epochs[0].DeletionRequestedAt.Add(c.measured)
		decide(&cell, options.Thresholds{MaxRecovery: c.limit})
		assert.Contains(t, cell.Reason, c.want)
	}
}

// all is a set of thresholds that measured does not meet.
func all() options.Thresholds {
	return options.Thresholds{MaxRecovery: 1, MaxCommitP99: 1, MaxCommit: 1, MinRate: 1000}
}

func TestDecide_ALossComesBeforeAMissedThreshold(t *testing.T) {
	cell := measured()
	cell.Findings = []judge.Finding{lostLast}
	decide(&cell, all())
	assert.Equal(t, judge.Fail, cell.Verdict)
	require.Len(t, cell.Findings, 5)
	assert.Equal(t, lostLast, cell.Findings[0])
	assert.Regexp(t, "^lost-tail", cell.Reason)
	assert.False(t, cell.IsOnlyTooSlow())
}

func TestDecide_AShortfallComesBeforeAMissedThreshold(t *testing.T) {
	cell := measured()
	cell.Reader = nil
	assert.Equal(t, verdict.NotReadBack, decide(&cell, all()))
	assert.Equal(t, judge.Error, cell.Verdict)
	assert.Empty(t, cell.Findings, "an Error has no finding")
	assert.Len(t, cell.Thresholds, 4, "the figures are reported all the same")
}

func TestDecide_AFigureThatWasNotMeasuredIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		thresholds options.Thresholds
		reason     string
	}{
		"recovery": {options.Thresholds{MaxRecovery: time.Hour}, "no recovery was observed (MAX_RECOVERY)"},
		"commits":  {options.Thresholds{MaxCommitP99: time.Hour}, "no commit was timed (MAX_COMMIT_P99)"},
		"commit":   {options.Thresholds{MaxCommit: time.Hour}, "no commit was timed (MAX_COMMIT)"},
		"rate":     {options.Thresholds{MinRate: 1}, "the rate was not measured (MIN_RATE)"},
	} {
		t.Run(name, func(t *testing.T) {
			cell := verified()
			assert.Equal(t, verdict.ThresholdNotMeasured, decide(&cell, c.thresholds))
			assert.Equal(t, judge.Error, cell.Verdict)
			assert.Equal(t, c.reason, verdict.NotMeasured(&cell))
			require.Len(t, cell.Thresholds, 1)
			assert.Equal(t, result.NotMeasured, cell.Thresholds[0].Outcome)
			assert.Nil(t, cell.Thresholds[0].Measured)
		})
	}
}

func TestDecide_AMissedThresholdComesBeforeOneThatWasNotMeasured(t *testing.T) {
	cell := measured()
	cell.Latency = nil
	decide(&cell, options.Thresholds{MaxRecovery: time.Second, MaxCommit: time.Second})
	assert.Equal(t, judge.Fail, cell.Verdict)
	assert.Len(t, cell.Findings, 1)
}

func TestDecide_TheControlHasNoThresholds(t *testing.T) {
	cell := measured()
	cell.Spec.Control = true
	assert.Equal(t, verdict.None, decide(&cell, all()))
	assert.Equal(t, judge.Pass, cell.Verdict)
	assert.Empty(t, cell.Thresholds)
}

// The API server may have been unavailable for a part of a recovery. The volume is not the cause of that part.
func TestDecide_AnAPIOutageIsNotASlowRecovery(t *testing.T) {
	for _, c := range []struct {
		limit, outage time.Duration
		want          result.ThresholdOutcome
	}{
		{10 * time.Second, 8 * time.Second, result.Met},
		{5 * time.Second, 8 * time.Second, result.NotMeasured},
		{5 * time.Second, 2 * time.Second, result.Missed},
	} {
		cell := measured()
		cell.Epochs[0].APIOutage = c.outage
		decide(&cell, options.Thresholds{MaxRecovery: c.limit})
		require.Len(t, cell.Thresholds, 1)
		assert.Equal(t, c.want, cell.Thresholds[0].Outcome, "%+v: %+v", c, cell.Thresholds[0])
	}
}

// A writer that reads the journal again waits for the cache of its client.
func TestDecide_ReadingAgainIsNotASlowRecovery(t *testing.T) {
	for _, c := range []struct {
		outage time.Duration
		reread float64
		want   result.ThresholdOutcome
		reason string
	}{
		{0, 8, result.NotMeasured, "the slowest recovery took 10s, but the journal was read again for 8s of it"},
		{2 * time.Second, 3, result.NotMeasured, "the slowest recovery took 10s, but the API server was unavailable for 2s " +
			"of it and the journal was read again for 3s of it"},
		{0, 2, result.Missed, "the slowest recovery took 10s; the threshold is 5s"},
	} {
		cell := measured()
		cell.Epochs[0].APIOutage = c.outage
		cell.Epochs[1].InitialRead = &result.JournalRead{
			ScanResult: protocol.ScanResult{Reread: &protocol.Reread{Seconds: c.reread}},
		}
		decide(&cell, options.Thresholds{MaxRecovery: 5 * time.Second})
		require.Len(t, cell.Thresholds, 1)
		assert.Equal(t, c.want, cell.Thresholds[0].Outcome)
		assert.Equal(t, c.reason, cell.Thresholds[0].Reason)
	}
}
