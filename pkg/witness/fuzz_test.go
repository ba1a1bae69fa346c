package witness

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// FuzzParse: whatever arrives, a line is a statement that was said, or an error.
func FuzzParse(f *testing.F) {
	for _, s := range []Statement{
		{Ack: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 4812}, Digest: 0xdeadbeef}},
		{Sighting: &Sighting{Report: journal.Report{Present: true}}},
		{Problem: &Problem{Doing: "opening", Cause: "no"}},
	} {
		var line bytes.Buffer
		require.NoError(f, Write(&line, s))
		f.Add(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	}
	f.Add([]byte("ack {} 00000000"))
	f.Add([]byte(" "))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := Parse(line)
		if err != nil {
			require.Zero(t, s)
			return
		}
		var again bytes.Buffer
		require.NoError(t, Write(&again, s), "what was understood can be said")
	})
}
