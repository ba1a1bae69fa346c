package judge_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// file is a journal in memory.
type file struct{ bytes.Buffer }

func (*file) Datasync() error { return nil }

// A scan of a journal that lost its last records is judged against the ledger.
func ExampleJudge() {
	format := journal.Format{ID: "8f3a5c7e9b1d2f40", RecordSize: 256}
	var volume file
	writer, err := journal.NewWriter(&volume, format, 1, 0, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	last, err := writer.Commit(1000, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	var acks ledger.Ledger
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: last.Seq}, Digest: last.Checksum}
	if err := acks.Add(ack); err != nil {
		fmt.Println(err)
		return
	}

	volume.Truncate(960 * format.RecordSize)

	report, err := journal.Scan(&volume, format, []journal.Point{ack.Point})
	if err != nil {
		fmt.Println(err)
		return
	}
	judgement := judge.Judge(judge.Input{Acks: acks.Acks(), Scan: report, Epochs: 1})
	fmt.Println(judgement.Verdict())
	for _, finding := range judgement.Findings {
		fmt.Println(finding)
		fmt.Println(finding.Class.Description())
	}
	// Output:
	// Fail
	// lost-tail: 40 acknowledged records, epoch 1 sequence 961 to 1 000
	// the last acknowledged records of an epoch are missing
}

// Two scans found the same loss: the later one after another writer had appended.
func ExampleMerge() {
	first := []judge.Finding{{Class: judge.Missing, Epoch: 1, First: 1, Last: 100, Records: 100}}
	second := []judge.Finding{
		{Class: judge.LostTail, Epoch: 1, First: 1, Last: 100, Records: 100},
		{Class: judge.Torn, Epoch: 2, First: 7, Last: 7, Records: 1},
	}
	for _, finding := range judge.Merge(first, second) {
		fmt.Println(finding)
	}
	// Output:
	// missing: 100 acknowledged records, epoch 1 sequence 1 to 100
	// torn: 1 acknowledged record, epoch 2 sequence 7
}
