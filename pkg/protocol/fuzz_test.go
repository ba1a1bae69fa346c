package protocol

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// FuzzParse: whatever arrives, a line is a statement that was said, or an error.
// Sealed, its checksum is right.
func FuzzParse(f *testing.F) {
	for _, s := range []Message{
		{Ack: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 4812}, Digest: 0xdeadbeef}},
		{ScanResult: &ScanResult{Report: journal.Report{Present: true}}},
		{Error: &OpError{Op: "opening", Cause: "no"}},
		{Stall: &Stall{Op: "syncing", Seconds: 5}},
		{Commits: &Commits{Count: 1, Records: 4}},
	} {
		var line bytes.Buffer
		require.NoError(f, Write(&line, s))
		said := bytes.TrimSuffix(line.Bytes(), []byte("\n"))
		f.Add(said, false)
		f.Add(said[:bytes.LastIndexByte(said, ' ')], true)
	}
	f.Add([]byte("ack {} 00000000"), false)
	f.Add([]byte(" "), true)
	f.Fuzz(func(t *testing.T, line []byte, sealed bool) {
		if sealed {
			line = fmt.Appendf(bytes.Clone(line), " %08x", crc32.Checksum(line, castagnoli))
		}
		s, err := Parse(line)
		if err != nil {
			require.Zero(t, s)
			return
		}
		var again bytes.Buffer
		require.NoError(t, Write(&again, s), "what was understood can be said")
	})
}
