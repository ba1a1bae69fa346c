package result

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func cell() Cell {
	gone := time.Unix(1, 0)
	return Cell{
		Verdict: judge.Pass,
		Claim:   &Claim{Name: "stig-pvc", StorageClass: "fast"},
		Epochs: []Epoch{
			{Number: 1, Pod: Pod{Name: "write-pod", Node: "n1"}, DeletionRequestedAt: gone},
			{Number: 2, Pod: Pod{Name: "write-pod", Node: "n1"}, DeletionRequestedAt: gone},
		},
		Reader: &JournalRead{Pod: Pod{Name: "read-pod", Node: "n2"}},
		Acks:   []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 4000}}, {Point: journal.Point{Epoch: 2, Seq: 812}}},
	}
}

func TestCell_SentencesOnAPass(t *testing.T) {
	c := cell()
	assert.Equal(t, "Pod write-pod wrote acknowledged records to claim stig-pvc (StorageClass fast)", c.WriteSentence())
	assert.Equal(t, "All 4 812 acknowledged records are intact after 2 deletions; read on n2, last written on n1", c.VerificationSentence())
	c.Reader.ScanResult.ReadMode = protocol.ReadDirect
	assert.Equal(t,
		"All 4 812 acknowledged records are intact after 2 deletions; read on n2, last written on n1, bypassing the page cache", c.VerificationSentence())
	c.Reader.Node, c.Reader.ScanResult.ReadMode = "n1", protocol.ReadDropped
	c.Epochs = c.Epochs[:1]
	assert.Equal(t, "All 4 812 acknowledged records are intact after 1 deletion; read on n1, the last writer's own node, "+
		"after asking the kernel to drop the file from the page cache", c.VerificationSentence())
}

func TestCell_SentencesOnAFail(t *testing.T) {
	c := cell()
	c.Claim, c.Spec.VolumeSource, c.Verdict = nil, options.EmptyDir, judge.Fail
	lost := judge.Finding{Class: judge.LostTail, Epoch: 2, First: 801, Last: 812, Records: 12}
	c.Findings = []judge.Finding{lost}
	assert.Equal(t, "Pod write-pod wrote acknowledged records to an emptyDir", c.WriteSentence())
	assert.Equal(t,
		"lost-tail: 12 acknowledged records, epoch 2 sequence 801 to 812. "+
			"In total, 4 812 records were acknowledged, and 2 writers were deleted", c.VerificationSentence())
	c.Findings = []judge.Finding{lost, lost, lost, lost, lost}
	assert.Contains(t, c.VerificationSentence(), "; 2 more findings. In total, ")
}

func TestLost_CountsEachRecordOnce(t *testing.T) {
	c := Cell{Acks: []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 100}}, {Point: journal.Point{Epoch: 2, Seq: 50}}}}
	for name, want := range map[string]struct {
		findings []judge.Finding
		lost     uint64
	}{
		"nothing": {nil, 0},
		"a tail and a gap": {[]judge.Finding{
			{Class: judge.LostTail, Records: 40}, {Class: judge.LostGap, Records: 2},
		}, 42},
		"present, but reordered": {[]judge.Finding{{Class: judge.Reordered, Records: 7}}, 0},
		"present twice": {[]judge.Finding{
			{Class: judge.Duplicated, Records: 7}, {Class: judge.Torn, Records: 1},
		}, 1},
		"more findings than records": {[]judge.Finding{
			{Class: judge.Corrupt, Records: 100}, {Class: judge.RolledBack, Records: 100},
		}, 150},
		"a finding without records": {[]judge.Finding{{Class: judge.Foreign}}, 0},
	} {
		c.Findings = want.findings
		assert.Equal(t, want.lost, c.Lost(), name)
		c.Reader = &JournalRead{}
		assert.Equal(t, judge.FormatCount(want.lost), c.row()[4], name)
	}
	assert.Zero(t, Cell{Findings: []judge.Finding{{Class: judge.Missing, Records: 3}}}.Lost(), "nothing was acknowledged")
}

func TestCell_SentencesWithoutAcknowledgements(t *testing.T) {
	assert.Equal(t, "No record was acknowledged", Cell{}.WriteSentence())
	assert.Equal(t, "no node", Cell{Verdict: judge.Error, Reason: "no node"}.VerificationSentence())
}

func TestHasLogData_IgnoresZerosAndEmptyLines(t *testing.T) {
	read := func(r journal.ScanReport) JournalRead {
		return JournalRead{ScanResult: protocol.ScanResult{ScanReport: r}}
	}
	for name, r := range map[string]journal.ScanReport{
		"nothing":   {},
		"zeros":     {Present: true, Bytes: 9, Damage: []journal.Damage{{Length: 9, Zeros: 9}}},
		"line ends": {Present: true, Bytes: 2, Damage: []journal.Damage{{Length: 2, Blank: true}}},
	} {
		assert.False(t, read(r).HasLogData(), name)
	}
	for name, r := range map[string]journal.ScanReport{
		"a record":                {Records: 1},
		"another run's":           {Foreign: []journal.Foreign{{Records: 1}}},
		"a byte that is not zero": {Damage: []journal.Damage{{Length: 9, Zeros: 9}, {Length: 9, Zeros: 8}}},
		"more than is listed":     {Unlisted: 1},
	} {
		assert.True(t, read(r).HasLogData(), name)
	}
}

func TestFormatCount_GroupsDigits(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1 000", 1234567: "1 234 567"} {
		assert.Equal(t, want, judge.FormatCount(n))
	}
}

func TestTable_CountsTheKillsOfALocalRun(t *testing.T) {
	r := Result{Cells: []Cell{{Spec: options.CellSpec{VolumeSource: options.Local}}}}
	assert.Contains(t, r.Table(), "  KILLS  ")
	assert.NotContains(t, r.Table(), "DELETIONS")
	titles, _ := r.Rows()
	assert.Contains(t, titles, "KILLS")
}

func TestCell_SentencesOfALocalRun(t *testing.T) {
	c := cell()
	c.Spec.VolumeSource, c.Verdict = options.Local, judge.Fail
	c.Findings = []judge.Finding{{Class: judge.Torn, Epoch: 1, First: 1, Last: 1, Records: 1}}
	assert.Equal(t, "torn: 1 acknowledged record, epoch 1 sequence 1. In total, 4 812 records were acknowledged, "+
		"and 2 writers were killed", c.VerificationSentence())
}

func TestTable_NamesTheVolumeOfACellWithoutAClaim(t *testing.T) {
	for want, spec := range map[string]options.CellSpec{
		"emptyDir ":             {VolumeSource: options.EmptyDir},
		"mine ":                 {VolumeSource: options.Claim, ExistingClaim: "mine"},
		"fast ":                 {VolumeSource: options.Claim, StorageClass: "fast"},
		"default StorageClass ": {VolumeSource: options.Claim},
	} {
		r := Result{Cells: []Cell{{Spec: spec, Verdict: judge.Error}}}
		assert.Contains(t, r.Table(), "\n"+want, "no claim was created yet")
	}
}
