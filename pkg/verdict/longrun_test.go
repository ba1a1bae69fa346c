package verdict

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

const recordSize = 256

// scanOf returns the scan of a journal with ten records of each of the first epochs, and their acknowledgements.
func scanOf(epochs int) (protocol.ScanResult, []ledger.Ack) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: recordSize}
	scan := protocol.ScanResult{ScanReport: journal.ScanReport{Format: format, Present: true}}
	var acks []ledger.Ack
	for epoch := 1; epoch <= epochs; epoch++ {
		last := journal.Point{Epoch: epoch, Seq: 10}
		end := scan.Bytes + 10*recordSize
		scan.Segments = append(scan.Segments, journal.Segment{Epoch: epoch, First: 1, Last: 10, Offset: scan.Bytes, End: end})
		scan.Digests = append(scan.Digests, journal.Digest{Point: last, Checksum: uint32(epoch)})
		scan.Bytes, scan.Records = end, scan.Records+10
		acks = append(acks, ledger.Ack{Point: last, Digest: uint32(epoch)})
	}
	return scan, acks
}

// longRun returns a cell in which each of many writers has found everything. afterEach is called after each read.
func longRun(t *testing.T, epochs int, afterEach func(*result.Cell, []ledger.Ack)) *result.Cell {
	t.Helper()
	c := &result.Cell{}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for number := 1; number <= epochs; number++ {
		c.Epochs = append(c.Epochs, result.Epoch{Number: number, FirstAckAt: now, DeletionRequestedAt: now})
		if number > 1 {
			scan, acks := scanOf(number - 1)
			read := JudgeScan(c, result.Pod{}, scan, acks, number-1)
			require.Empty(t, read.Judgement.Findings)
			c.Epochs[len(c.Epochs)-1].InitialRead = read
			afterEach(c, acks)
		}
	}
	return c
}

func keepAll(*result.Cell, []ledger.Ack) {}

func TestJudgeScan_ListsEachSegmentOfALongRunAboutOnce(t *testing.T) {
	const epochs = 1000
	c := longRun(t, epochs, keepAll)
	scan, acks := scanOf(epochs)
	c.Reader = JudgeScan(c, result.Pod{}, scan, acks, epochs)
	assert.Empty(t, c.Reader.Judgement.Findings)
	assert.Len(t, c.Reader.ScanResult.Segments, epochs)
	assert.Nil(t, c.Reader.ListedByNext)
	listed := 0
	for _, read := range c.Reads() {
		listed += len(read.ScanResult.Segments) + len(read.ScanResult.Digests)
		if omitted := read.ListedByNext; omitted != nil {
			assert.Equal(t, &result.ListedByNext{Segments: read.Epoch - 1, Digests: read.Epoch - 1}, omitted)
		}
	}
	// The first hundred writers list everything.
	assert.LessOrEqual(t, listed, 2*(epochs+100*100/2))
}

// The reads of earlier writers tell what an older state of the volume has lost, also if the result has only the main
// facts of most writers.
func TestJudgeScan_FindsAnOlderStateAfterALongRun(t *testing.T) {
	const epochs = 300
	for name, afterEach := range map[string]func(*result.Cell, []ledger.Ack){
		"all details": keepAll, "main facts": (*result.Cell).ShortenEpochs,
	} {
		t.Run(name, func(t *testing.T) {
			c := longRun(t, epochs, afterEach)
			assert.Equal(t, epochs, c.Writers())
			assert.Equal(t, name == "main facts", c.Brief != nil)
			scan, _ := scanOf(epochs - 10)
			_, acks := scanOf(epochs)
			read := JudgeScan(c, result.Pod{}, scan, acks, epochs)
			classes := map[judge.Class]uint64{}
			for _, f := range read.Judgement.Findings {
				classes[f.Class] += f.Records
			}
			// No other pod has read the records of the last writer.
			assert.Equal(t, map[judge.Class]uint64{judge.RolledBack: 90, judge.LostTail: 10}, classes)
			last := c.Epochs[len(c.Epochs)-1].InitialRead
			assert.Equal(t, &result.ListedByNext{Segments: epochs - 10, Digests: epochs - 10}, last.ListedByNext)
			assert.Len(t, last.ScanResult.Segments, 9, "those that the next read does not list")
		})
	}
}
