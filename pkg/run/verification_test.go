package run

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestJudgeScan_NotesAnotherFilesystem(t *testing.T) {
	c := withAck(t, newTestCell(t))
	nfs := protocol.Mount{FSType: "nfs4", Source: "server:/export"}
	ext4 := protocol.Mount{FSType: "ext4", Source: "/dev/vda"}
	c.result.Epochs = []result.Epoch{{Number: 1, Mount: nfs}, {Number: 2}}
	scan := protocol.ScanResult{ScanReport: journal.ScanReport{Format: c.result.Journal}, Mount: ext4}
	c.result.Epochs[1].InitialRead = judgeScan(c.result, result.Pod{}, scan, c.result.Acks, 1)
	c.verdict().build()
	require.Len(t, c.result.Findings, 1)
	assert.Equal(t, "there is no journal; "+
		"/data/logs.log is on ext4 (/dev/vda), but epoch 1 wrote to nfs4 (server:/export)", c.result.Findings[0].Detail)
	assert.Len(t, c.result.Notes, 1)
}
