package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// scanOf returns a scan of a journal that consists of segments. Records have 100 bytes.
func scanOf(segments ...journal.Segment) protocol.ScanResult {
	report := journal.ScanReport{Format: journal.Format{ID: journal.NewID("run"), RecordSize: 100}, Present: true}
	for _, s := range segments {
		s.Offset = report.Bytes
		s.End = s.Offset + int64(s.Last-s.First+1)*100
		report.Bytes, report.Records = s.End, report.Records+s.Last-s.First+1
		report.Segments = append(report.Segments, s)
	}
	return protocol.ScanResult{ScanReport: report}
}

func TestJudgeScan_ComparesWithEarlierScans(t *testing.T) {
	cell := verified()
	cell.Reader = nil
	shorter := scanOf(journal.Segment{Epoch: 1, First: 1, Last: 5})
	classes := func() (classes []judge.Class) {
		read := verdict.JudgeScan(&cell, result.Pod{Name: "read-pod"}, shorter, cell.Acks, 1)
		assert.Equal(t, "read-pod", read.Name)
		for _, f := range read.Judgement.Findings {
			classes = append(classes, f.Class)
		}
		return classes
	}
	assert.Equal(t, []judge.Class{judge.LostTail}, classes())

	whole := scanOf(journal.Segment{Epoch: 1, First: 1, Last: 10})
	cell.Epochs[0].InitialRead = &result.JournalRead{ScanResult: whole}
	assert.Equal(t, []judge.Class{judge.RolledBack}, classes(), "an earlier helper read all records")
}

// After a forced deletion of a pod, its container may still write. A local run waits until a killed process is gone.
func TestJudgeScan_WritersMayOverlapOnlyInAClusterAfterAForcedDeletion(t *testing.T) {
	scan := scanOf(
		journal.Segment{Epoch: 1, First: 1, Last: 5}, journal.Segment{Epoch: 2, First: 1, Last: 5},
		journal.Segment{Epoch: 1, First: 6, Last: 10}, journal.Segment{Epoch: 2, First: 6, Last: 10})
	for _, c := range []struct {
		plan     options.CellSpec
		findings bool
	}{
		{options.CellSpec{Force: true}, false},
		{options.CellSpec{Force: false}, true},
		{options.CellSpec{Force: true, VolumeSource: options.Local}, true},
	} {
		cell := result.Cell{Spec: c.plan, Acks: []ledger.Ack{
			{Point: journal.Point{Epoch: 1, Seq: 10}}, {Point: journal.Point{Epoch: 2, Seq: 10}},
		}}
		read := verdict.JudgeScan(&cell, result.Pod{}, scan, cell.Acks, 2)
		assert.Equal(t, c.findings, len(read.Judgement.Findings) > 0, "%+v: %v", c.plan, read.Judgement)
	}
}

func TestNewProvenance_HasTheLastWriterAndTheReader(t *testing.T) {
	xfs, nfs := protocol.Mount{FSType: "xfs"}, protocol.Mount{FSType: "nfs4"}
	cell := result.Cell{
		Epochs: []result.Epoch{
			{Number: 1, Pod: result.Pod{Node: "n1"}, BootID: "a", Mount: xfs},
			{Number: 2, Pod: result.Pod{Node: "n2"}, BootID: "b", Mount: xfs},
		},
	}
	assert.Equal(t, provenance.Provenance{Writer: provenance.Location{Node: "n2", BootID: "b", Mount: xfs}},
		verdict.NewProvenance(&cell))

	cell.Reader = &result.JournalRead{
		Pod:        result.Pod{Node: "n3"},
		ScanResult: protocol.ScanResult{BootID: "c", Mount: nfs, ReadMode: protocol.ReadDirect},
	}
	h := verdict.NewProvenance(&cell)
	assert.Equal(t, &provenance.Location{Node: "n3", BootID: "c", Mount: nfs}, h.Reader)
	assert.Equal(t, protocol.ReadDirect, h.ReadMode)
	assert.Zero(t, verdict.NewProvenance(&result.Cell{}))
}

func TestJudgeScan_NotesThatTheJournalWasReadAgain(t *testing.T) {
	cell := verified()
	cell.Reader = nil
	scan := scanOf(journal.Segment{Epoch: 1, First: 1, Last: 10})
	scan.Reread = &protocol.Reread{CacheSeconds: 60, Seconds: 27.4, Reads: 5, Settled: true}
	read := verdict.JudgeScan(&cell, result.Pod{Name: "read-pod"}, scan, cell.Acks, 1)
	assert.Equal(t, []string{"read-pod: the journal was read again after 27 s, because the mount may show an older state " +
		"for up to 60 s; the last read showed a newer one"}, read.Judgement.Notes)

	scan = scanOf(journal.Segment{Epoch: 1, First: 1, Last: 5})
	scan.Reread = &protocol.Reread{CacheSeconds: 60, Seconds: 61, Reads: 6}
	read = verdict.JudgeScan(&cell, result.Pod{Name: "read-pod"}, scan, cell.Acks, 1)
	assert.Equal(t, []string{"read-pod: the journal was read again after 61 s, because the mount may show an older state " +
		"for up to 60 s; the last read still differed from what was acknowledged"}, read.Judgement.Notes)
}
