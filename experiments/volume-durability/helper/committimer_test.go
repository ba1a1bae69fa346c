package helper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func decodeHistogram(t *testing.T, stats *protocol.CommitStats) *hdrhistogram.Histogram {
	t.Helper()
	require.NotNil(t, stats)
	histogram, err := hdrhistogram.Decode([]byte(stats.Histogram))
	require.NoError(t, err)
	return histogram
}

func TestWrite_ReportsCommitStatsLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	messages := writeEpoch(t, path, 1, 500)
	acks := acksIn(messages)
	stats := messages[len(messages)-1].CommitStats
	histogram := decodeHistogram(t, stats)
	assert.Equal(t, acks[len(acks)-1].Seq, stats.Records)
	assert.Equal(t, int64(stats.Count), histogram.TotalCount())
	assert.GreaterOrEqual(t, stats.Count, uint64(len(acks)), "an acknowledgement covers one commit or more")
	assert.Positive(t, histogram.Min())
}

func TestCommitTimer_MeasuresTheWriteAndItsSync(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "logs.log"))
	require.NoError(t, err)
	defer file.Close()
	timer := newCommitTimer(deviceFile{file})
	_, err = timer.Write([]byte("records"))
	require.NoError(t, err)
	timer.start = timer.start.Add(-time.Minute) // as if the write took a minute
	require.NoError(t, timer.Datasync())
	timer.record(7)
	assert.GreaterOrEqual(t, timer.last, time.Minute)
	assert.Equal(t, uint64(7), timer.stats.Records)
}

func TestCommitTimer_CountsCommitsOutsideOfTheHistogramsRange(t *testing.T) {
	timer := newCommitTimer(nil)
	for _, duration := range []time.Duration{0, time.Millisecond, time.Hour, 100 * time.Hour} {
		timer.last = duration
		timer.record(10)
	}
	var out strings.Builder
	require.NoError(t, timer.report(&out))
	message, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	histogram := decodeHistogram(t, message.CommitStats)
	assert.Equal(t, []uint64{4, 40}, []uint64{message.CommitStats.Count, message.CommitStats.Records})
	assert.Equal(t, []int64{4, 1}, []int64{histogram.TotalCount(), histogram.Min()})
	assert.InEpsilon(t, time.Hour.Microseconds(), histogram.Max(), 0.001)
}

func TestCommitTimer_ReportsOncePerInterval(t *testing.T) {
	timer := newCommitTimer(nil)
	var out strings.Builder
	start := timer.lastReport
	require.NoError(t, timer.reportIfDue(&out, start.Add(2*statsInterval)))
	assert.Empty(t, out.String(), "there was no commit yet")
	timer.record(1)
	for _, after := range []time.Duration{2500, 2900, 3000, 3500, 3999, 4000} {
		require.NoError(t, timer.reportIfDue(&out, start.Add(after*time.Millisecond)))
	}
	assert.Equal(t, 2, strings.Count(out.String(), "commits {"))
}
