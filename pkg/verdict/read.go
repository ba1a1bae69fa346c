package verdict

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// JudgeScan judges a scan that was made after the given number of epochs had been started. acks are the
// acknowledgements of these epochs. The previous read of the cell then omits what this one lists too.
func JudgeScan(
	c *result.Cell, pod result.Pod, scan protocol.ScanResult, acks []ledger.Ack, epochs int,
) *result.JournalRead {
	var earlier []journal.ScanReport
	reads := c.Reads()
	for _, read := range reads {
		// A scan without segments or objects adds no information.
		if scan := read.ScanResult.ScanReport; len(scan.Segments) > 0 || scan.Objects != nil {
			earlier = append(earlier, scan)
		}
	}
	judgement := judge.Judge(judge.Input{
		Layout: c.Layout, Acks: acks, Scan: scan.ScanReport, Earlier: earlier, Epochs: epochs,
		// A local run waits until a killed process is gone.
		MayOverlap: c.Spec.Force && !c.IsLocal(),
	})
	if scan.Reread != nil {
		judgement.Notes = append(judgement.Notes, fmt.Sprintf("%s: %s", pod.Name, scan.Reread))
	}
	if len(reads) > 0 {
		reads[len(reads)-1].OmitWhatNextLists(scan)
	}
	return &result.JournalRead{Pod: pod, ScanResult: scan, Judgement: judgement}
}

// NewProvenance returns what the last writer and the reader reported about the volume. The caller adds the
// observations. Without a writer, the provenance is empty.
func NewProvenance(c *result.Cell) provenance.Provenance {
	if len(c.Epochs) == 0 {
		return provenance.Provenance{}
	}
	last := c.Epochs[len(c.Epochs)-1]
	p := provenance.Provenance{Writer: provenance.Location{Node: last.Node, BootID: last.BootID, Mount: last.Mount}}
	if c.Reader != nil {
		scan := c.Reader.ScanResult
		p.Reader = &provenance.Location{Node: c.Reader.Node, BootID: scan.BootID, Mount: scan.Mount}
		p.ReadMode = scan.ReadMode
	}
	return p
}
