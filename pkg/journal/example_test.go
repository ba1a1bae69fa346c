package journal_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// file is a journal in memory. On a disk, Datasync is fdatasync.
type file struct{ bytes.Buffer }

func (*file) Datasync() error { return nil }

var format = journal.Format{ID: "8f3a5c7e9b1d2f40", RecordSize: 128}

func clock() time.Time { return time.Date(2026, 11, 24, 12, 46, 47, 0, time.UTC) }

// A writer appends records in commits. After each, the epoch may be acknowledged up to the last record.
func ExampleWriter() {
	var volume file
	writer, err := journal.NewWriter(&volume, format, 1, 0, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	last, err := writer.Commit(2, clock)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("epoch %d is durable up to sequence %d, digest %08x\n", last.Epoch, last.Seq, last.Checksum)
	for line := range strings.Lines(volume.String()) {
		fmt.Print(strings.TrimPrefix(line, "2026-11-24T12:46:47.000000000Z "))
	}
	// Output:
	// epoch 1 is durable up to sequence 2, digest a2f3aaa7
	// 8f3a5c7e9b1d2f40 e=00001 s=000000000001 o=00000000000000 p=00000000 R7CpXWeLcxoceOg4J c=2563b4a9
	// 8f3a5c7e9b1d2f40 e=00001 s=000000000002 o=00000000000128 p=2563b4a9 Uq2eUZCNYVi_8oHND c=a2f3aaa7
}

// A scan lists what a file holds. Here, one bit of the second of three records was flipped.
func ExampleScan() {
	var volume file
	writer, err := journal.NewWriter(&volume, format, 1, 0, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := writer.Commit(3, clock); err != nil {
		fmt.Println(err)
		return
	}
	volume.Bytes()[200] ^= 1

	report, err := journal.Scan(&volume, format, []journal.Point{{Epoch: 1, Seq: 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range report.Segments {
		fmt.Printf("epoch %d, sequence %d to %d: bytes %d to %d\n", s.Epoch, s.First, s.Last, s.Offset, s.End)
	}
	for _, d := range report.Damage {
		fmt.Printf("damage: %d bytes at offset %d\n", d.Length, d.Offset)
	}
	for _, d := range report.Digests {
		fmt.Printf("digest at sequence %d: %08x\n", d.Seq, d.Checksum)
	}
	// Output:
	// epoch 1, sequence 1 to 1: bytes 0 to 128
	// epoch 1, sequence 3 to 3: bytes 256 to 384
	// damage: 128 bytes at offset 128
	// digest at sequence 3: 6dfbc0c8
}
