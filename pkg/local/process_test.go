//go:build linux || darwin

package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestStart_AnnouncesThatTheJournalIsReadAgain(t *testing.T) {
	again := protocol.Rereading{CacheSeconds: 60, Seconds: 61}
	path := filepath.Join(t.TempDir(), "output")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, protocol.Write(file, protocol.Message{Rereading: &again}))
	require.NoError(t, protocol.Write(file, protocol.Message{ScanResult: &protocol.ScanResult{}}))
	require.NoError(t, file.Close())
	var announced []protocol.Rereading
	announce := func(r protocol.Rereading) { announced = append(announced, r) }
	p, err := helperRun{command: []string{"cat", path}, announce: announce}.start(t.Context(), &ledger.Ledger{})
	require.NoError(t, err)
	require.NoError(t, p.await(t.Context()))
	assert.Equal(t, []protocol.Rereading{again}, announced)
}
