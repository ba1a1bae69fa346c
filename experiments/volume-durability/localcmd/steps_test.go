//go:build linux || darwin

package localcmd

import (
	"bytes"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Without the acknowledgements, the reader does not know what a mount hides.
func TestRead_KnowsWhatWasAcknowledged(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 10}, Digest: 7}
	var sent bytes.Buffer
	require.NoError(t, protocol.Write(&sent, protocol.Message{Journal: &protocol.Journal{Format: format}}))
	require.NoError(t, protocol.Write(&sent, protocol.Message{Ack: &ack}))
	r := readCommand{acks: "-", flags: pflag.NewFlagSet("read", pflag.ContinueOnError)}
	require.NoError(t, r.setJournal(&sent))
	assert.Equal(t, []ledger.Ack{ack}, r.reading.Acks)
	assert.Equal(t, format, journal.Format{ID: r.reading.ID, RecordSize: r.reading.RecordSize})
}

func TestDescribe_NamesThatTheJournalWasReadAgain(t *testing.T) {
	found := local.Found{Path: "/data/logs.log"}
	assert.NotContains(t, describe([]local.Found{found}), "read again")
	found.Scan.Reread = &protocol.Reread{CacheSeconds: 60, Seconds: 7, Reads: 3, Settled: true}
	assert.Contains(t, describe([]local.Found{found}), "\n  the journal was read again after 7 s, because the mount may "+
		"show an older state for up to 60 s; the last read showed a newer one\n")
}
