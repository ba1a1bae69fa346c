package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// messages returns a message of each kind.
func messages() map[string]Message {
	at := time.Date(2026, 11, 24, 12, 0, 0, 5, time.UTC)
	return map[string]Message{
		"ack": {Ack: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 4812}, Digest: 0xdeadbeef, Time: at}},
		"scan": {ScanResult: &ScanResult{
			ScanReport: journal.ScanReport{
				Format: journal.Format{ID: "0123456789abcdef", RecordSize: 256}, Present: true, Bytes: 512, Records: 2,
				Segments: []journal.Segment{{Epoch: 1, First: 1, Last: 2, End: 512}}, FirstTime: at, LastTime: at,
			},
			Mount: Mount{
				Point: "/data", Root: "/", FSType: "ext4", Source: "/dev/vda", Device: "254:0",
				UUID: "8f3a5c7e-9b1d-4f40-8123-456789abcdef",
			},
			ReadMode: ReadDirect, BootID: "1b2c3d4e-0000-4000-8000-000000000001",
			Excerpt: &Excerpt{Offset: 384, Bytes: []byte{0, 0xff, '\n'}, Damage: 512},
		}},
		"error": {Error: &OpError{Op: "opening /data/logs.log", Cause: "read-only file system", Errno: syscall.EROFS}},
		"commits": {CommitStats: &CommitStats{Count: 3, Records: 12,
			Histogram: "HISTFAAAACJ42pNpmSzMwMDAxQABzFCaEURcm7yEwf4DVERQgAkAZCYFIQ=="}},
		"reread": {Rereading: &Rereading{CacheSeconds: 60, Seconds: 61}},
		"stall":  {Stall: &Stall{Op: "writing /data/logs.log", Seconds: 5}},
	}
}

// lineOf returns the line of a message, without its newline.
func lineOf(t *testing.T, m Message) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, m))
	line, found := strings.CutSuffix(out.String(), "\n")
	require.True(t, found)
	require.NotContains(t, line, "\n")
	return line
}

func TestParse_ReturnsWhatWasWritten(t *testing.T) {
	for kind, message := range messages() {
		line := lineOf(t, message)
		assert.True(t, strings.HasPrefix(line, kind+" {"), line)
		parsed, err := Parse([]byte(line))
		require.NoError(t, err)
		assert.Equal(t, message, parsed)
	}
}

func TestParse_RejectsATruncatedLine(t *testing.T) {
	for _, message := range messages() {
		line := lineOf(t, message)
		for n := range line {
			_, err := Parse([]byte(line[:n]))
			require.Error(t, err, line[:n])
			_, err = Parse([]byte(line[n+1:]))
			require.Error(t, err, line[n+1:])
		}
	}
}

func TestParse_RejectsAFlippedBit(t *testing.T) {
	line := lineOf(t, messages()["ack"])
	for i := range line {
		changed := []byte(line)
		changed[i] ^= 1
		_, err := Parse(changed)
		require.Error(t, err, string(changed))
	}
}

func TestNewOpError_KeepsTheErrno(t *testing.T) {
	_, err := os.Open("/proc/none")
	e := NewOpError("opening", err)
	assert.Equal(t, syscall.ENOENT, e.Errno)
	assert.ErrorIs(t, e, syscall.ENOENT)
	assert.NotErrorIs(t, NewOpError("opening", errors.New("no errno")), syscall.ENOENT)
}

func TestWrite_RejectsAnEmptyMessage(t *testing.T) {
	assert.Error(t, Write(&bytes.Buffer{}, Message{}))
}

// The lists of a scan have a few thousand entries more than there are writers.
func TestMaxLine_HasRoomForTheScanOfAllWriters(t *testing.T) {
	const entries, number, bytes = journal.MaxEpoch + 5000, 999_999_999, 9_999_999_999_999
	var scan ScanResult
	for range entries {
		scan.Segments = append(scan.Segments, journal.Segment{
			Epoch: journal.MaxEpoch, First: number, Last: number, Offset: bytes, End: bytes, Unlinked: true, Displaced: number,
		})
		last := journal.Point{Epoch: journal.MaxEpoch, Seq: number}
		scan.Digests = append(scan.Digests, journal.Digest{Point: last, Checksum: math.MaxUint32})
		scan.Damage = append(scan.Damage, journal.Damage{Offset: bytes, Length: bytes, Zeros: bytes, Partial: &last})
		scan.Foreign = append(scan.Foreign, journal.Foreign{
			ID: "0123456789abcdef", Records: number, Offset: bytes, End: bytes,
		})
	}
	content, err := json.Marshal(scan)
	require.NoError(t, err)
	assert.Less(t, len(content), MaxLine)
}
