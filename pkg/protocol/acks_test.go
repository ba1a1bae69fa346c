package protocol_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func acksFile(t *testing.T) string {
	t.Helper()
	var file bytes.Buffer
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	described := protocol.Journal{Format: format, Path: "/mnt/logs.log"}
	require.NoError(t, protocol.Write(&file, protocol.Message{Journal: &described}))
	for seq := uint64(1); seq <= 3; seq++ {
		ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: seq}, Digest: uint32(seq)}
		require.NoError(t, protocol.Write(&file, protocol.Message{Ack: &ack}))
	}
	return file.String()
}

func TestReadAcks_KeepsTheHighestOfEachEpoch(t *testing.T) {
	j, acks, err := protocol.ReadAcks(strings.NewReader(acksFile(t)))
	require.NoError(t, err)
	assert.Equal(t, "/mnt/logs.log", j.Path)
	assert.Equal(t, 256, j.RecordSize)
	require.Len(t, acks, 1)
	assert.Equal(t, uint64(3), acks[0].Seq)
}

func TestReadAcks_LastLineMayBeIncomplete(t *testing.T) {
	file := acksFile(t)
	_, acks, err := protocol.ReadAcks(strings.NewReader(file[:len(file)-5]))
	require.NoError(t, err)
	require.Len(t, acks, 1)
	assert.Equal(t, uint64(2), acks[0].Seq)
}

func TestReadAcks_RejectsDamage(t *testing.T) {
	file := acksFile(t)
	lines := strings.SplitAfter(file, "\n")
	for name, damaged := range map[string]string{
		"empty":                "",
		"no journal message":   strings.Join(lines[1:], ""),
		"damage in the middle": lines[0] + lines[1][5:] + lines[2],
	} {
		_, _, err := protocol.ReadAcks(strings.NewReader(damaged))
		assert.Error(t, err, name)
	}
}

func TestReadOutput_AcceptsWhatTheHelperPrints(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	scan := protocol.Message{ScanResult: &protocol.ScanResult{ScanReport: journal.ScanReport{Format: format}}}
	ack := func(epoch int, seq uint64) protocol.Message {
		return protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: seq}}}
	}
	stall := protocol.Message{Stall: &protocol.Stall{Op: "syncing", Seconds: 5}}
	reread := protocol.Message{Rereading: &protocol.Rereading{CacheSeconds: 60, Seconds: 61}}
	stats := protocol.Message{CommitStats: &protocol.CommitStats{}}
	var file bytes.Buffer
	for _, m := range []protocol.Message{reread, scan, ack(1, 10), stall, ack(1, 20), stats, scan, ack(2, 5), scan} {
		require.NoError(t, protocol.Write(&file, m))
	}
	o, err := protocol.ReadOutput(&file)
	require.NoError(t, err)
	assert.Equal(t, format, o.Journal.Format)
	require.Len(t, o.Acks, 2)
	assert.Equal(t, uint64(25), ledger.CountRecords(o.Acks))
	assert.Equal(t, 3, o.Epochs, "the third writer started, and acknowledged nothing")

	other := scan
	other.ScanResult = &protocol.ScanResult{ScanReport: journal.ScanReport{
		Format: journal.Format{ID: "fedcba9876543210", RecordSize: 256},
	}}
	require.NoError(t, protocol.Write(&file, scan))
	require.NoError(t, protocol.Write(&file, other))
	_, err = protocol.ReadOutput(&file)
	assert.ErrorContains(t, err, "line 2: this is about journal fedcba9876543210")
}

func TestReadAcks_HasTheWritePattern(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	for layout, want := range map[pattern.Layout]string{
		{}:                                      "",
		{Pattern: pattern.Replace, Objects: 32}: "",
		{Pattern: pattern.Replace}:              "0 objects of write pattern replace",
		{Pattern: "rewrite"}:                    `write pattern "rewrite": want append`,
	} {
		var file bytes.Buffer
		described := protocol.Journal{Format: format, Layout: layout, Path: "/mnt/logs.log"}
		require.NoError(t, protocol.Write(&file, protocol.Message{Journal: &described}))
		got, _, err := protocol.ReadAcks(&file)
		if want != "" {
			assert.ErrorContains(t, err, want)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, described, got)
	}
}
