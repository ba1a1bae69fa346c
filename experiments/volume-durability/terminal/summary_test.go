package terminal

import (
	"bytes"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestSummary_OneCellListsWhatIsUnproven(t *testing.T) {
	s := summary(samples.Pass())
	assert.Contains(t, s, "Pass: ")
	assert.Contains(t, s, "Not proven by this run\n  - ")
}

func TestSummary_FindingsHaveAPosition(t *testing.T) {
	s := summary(samples.Fail())
	assert.Contains(t, s, "Fail: ")
	assert.Regexp(t, `Findings\n  - .*; (bytes [\d ]+ to [\d ]+|at byte [\d ]+)\n`, s)
}

func TestSummary_AMissedThresholdIsNotALoss(t *testing.T) {
	s := summary(samples.TooSlow())
	assert.Contains(t, s, "Fail: a threshold was not met. Every acknowledged record was read back intact.")
	assert.Regexp(t, `Findings\n  - too-slow \(the slowest recovery took .*; the threshold is 1s\)\n`, s)
}

func TestDescribeFinding_Position(t *testing.T) {
	corrupt := judge.Finding{Class: judge.Corrupt, Offset: 256, End: 512}
	assert.Equal(t, "corrupt; bytes 256 to 511", describeFinding(corrupt))
	lostTail := judge.Finding{Class: judge.LostTail, Offset: 256, End: 256}
	assert.Equal(t, "lost-tail; at byte 256", describeFinding(lostTail))
	assert.Equal(t, "missing", describeFinding(judge.Finding{Class: judge.Missing}))
}

func TestSummary_SeveralCellsListReasonsOfUnexpectedVerdicts(t *testing.T) {
	r := samples.Matrix()
	s := summary(r)
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
	assert.Contains(t, summary(samples.NotApplicable()), "Swarm")
	assert.Contains(t, summary(samples.Error()), "Error: ")
	assert.Contains(t, summary(samples.Stopped()), "Stopped: ")
}

func TestTerminalLog_HasNoTimestamps(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, logrus.WarnLevel)
	log.WithFields(logrus.Fields{"pod": "write-pod", "cell": "fast"}).Warn("waiting")
	log.Info("not shown")
	assert.Equal(t, "warning: waiting; cell fast; pod write-pod\n", out.String())
}
