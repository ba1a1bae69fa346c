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

// FuzzParse checks that Parse returns either an error or a message that can be written
// again. With withChecksum, the line gets a valid checksum.
func FuzzParse(f *testing.F) {
	for _, message := range []Message{
		{Ack: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 4812}, Digest: 0xdeadbeef}},
		{ScanResult: &ScanResult{ScanReport: journal.ScanReport{Present: true}}},
		{Error: &OpError{Op: "opening", Cause: "no"}},
		{Rereading: &Rereading{CacheSeconds: 60, Seconds: 61}},
		{Stall: &Stall{Op: "syncing", Seconds: 5}},
		{CommitStats: &CommitStats{Count: 1, Records: 4}},
	} {
		var line bytes.Buffer
		require.NoError(f, Write(&line, message))
		written := bytes.TrimSuffix(line.Bytes(), []byte("\n"))
		f.Add(written, false)
		f.Add(written[:bytes.LastIndexByte(written, ' ')], true)
	}
	f.Add([]byte("ack {} 00000000"), false)
	f.Add([]byte(" "), true)
	f.Fuzz(func(t *testing.T, line []byte, withChecksum bool) {
		if withChecksum {
			line = fmt.Appendf(bytes.Clone(line), " %08x", crc32.Checksum(line, castagnoli))
		}
		message, err := Parse(line)
		if err != nil {
			require.Zero(t, message)
			return
		}
		var again bytes.Buffer
		require.NoError(t, Write(&again, message), "a parsed message can be written")
	})
}
