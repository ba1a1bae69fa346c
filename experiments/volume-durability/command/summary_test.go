package command

import (
	"bytes"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestASummaryOfOneCellSaysWhatWasNotShown(t *testing.T) {
	s := summary(samples.Pass())
	assert.Contains(t, s, "KEPT")
	assert.Contains(t, s, "Not shown\n  - ")
}

func TestASummaryOfALossNamesItsPlace(t *testing.T) {
	s := summary(samples.Fail())
	assert.Contains(t, s, "LOST")
	assert.Regexp(t, `Findings\n  - .*; (bytes \d+ to \d+|at byte \d+)\n`, s)
}

func TestAFindingHasItsPlace(t *testing.T) {
	assert.Equal(t, "corrupt; bytes 256 to 511", finding(judge.Finding{Class: judge.Corrupt, Offset: 256, End: 512}))
	assert.Equal(t, "lost-tail; at byte 256", finding(judge.Finding{Class: judge.LostTail, Offset: 256, End: 256}))
	assert.Equal(t, "missing", finding(judge.Finding{Class: judge.Missing}))
}

func TestASummaryOfSeveralCellsGivesTheReasonsOfThoseThatDidNotKeep(t *testing.T) {
	r := samples.Matrix()
	s := summary(r)
	for _, c := range r.Cells {
		reason := "\n" + c.Plan.Name + ": "
		switch {
		case c.Plan.Control:
			assert.NotContains(t, s, reason, "it lost its data, as it must")
		case c.Verdict == "Pass":
			assert.NotContains(t, s, reason)
		default:
			assert.Contains(t, s, reason)
		}
	}
}

func TestASummaryOfNothingTriedSaysWhy(t *testing.T) {
	assert.Contains(t, summary(samples.NotApplicable()), "Swarm")
	assert.Contains(t, summary(samples.Error()), "COULD NOT TELL")
	assert.Contains(t, summary(samples.Stopped()), "STOPPED")
}

func TestAPersonsLogIsBrief(t *testing.T) {
	var out bytes.Buffer
	log := newPersonsLog(&out, logrus.WarnLevel)
	log.WithFields(logrus.Fields{"pod": "write-pod", "cell": "fast"}).Warn("it waits")
	log.Info("not shown")
	assert.Equal(t, "warning: it waits; cell fast; pod write-pod\n", out.String())
}
