package main

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

func decoded(t *testing.T, c *protocol.CommitStats) *hdrhistogram.Histogram {
	t.Helper()
	require.NotNil(t, c)
	times, err := hdrhistogram.Decode([]byte(c.Histogram))
	require.NoError(t, err)
	return times
}

func TestAWriterThatEndsSaysHowLongItsCommitsTook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.log")
	said := writeEpoch(t, path, 1, 500)
	acks := acknowledged(said)
	commits := said[len(said)-1].CommitStats
	times := decoded(t, commits)
	assert.Equal(t, acks[len(acks)-1].Seq, commits.Records)
	assert.Equal(t, int64(commits.Count), times.TotalCount())
	assert.GreaterOrEqual(t, commits.Count, uint64(len(acks)), "each acknowledgement is of one commit or more")
	assert.Positive(t, times.Min())
}

func TestACommitIsAWriteAndItsSync(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "logs.log"))
	require.NoError(t, err)
	defer file.Close()
	tally := newTally(deviceFile{file})
	_, err = tally.Write([]byte("records"))
	require.NoError(t, err)
	tally.began = tally.began.Add(-time.Minute) // as if the write had taken so long
	require.NoError(t, tally.Datasync())
	tally.count(7)
	assert.GreaterOrEqual(t, tally.took, time.Minute)
	assert.Equal(t, uint64(7), tally.commits.Records)
}

func TestEveryCommitIsCountedHoweverLongItTook(t *testing.T) {
	tally := newTally(nil)
	for _, took := range []time.Duration{0, time.Millisecond, time.Hour, 100 * time.Hour} {
		tally.took = took
		tally.count(10)
	}
	var out strings.Builder
	require.NoError(t, tally.say(&out))
	s, err := protocol.Parse([]byte(strings.TrimSuffix(out.String(), "\n")))
	require.NoError(t, err)
	times := decoded(t, s.CommitStats)
	assert.Equal(t, []uint64{4, 40}, []uint64{s.CommitStats.Count, s.CommitStats.Records})
	assert.Equal(t, []int64{4, 1}, []int64{times.TotalCount(), times.Min()})
	assert.InEpsilon(t, time.Hour.Microseconds(), times.Max(), 0.001)
}

func TestCommitsAreSaidNowAndThenAndNotWithoutAny(t *testing.T) {
	tally := newTally(nil)
	var out strings.Builder
	began := tally.said
	require.NoError(t, tally.sayNowAndThen(&out, began.Add(2*tallyEvery)))
	assert.Empty(t, out.String(), "there was no commit yet")
	tally.count(1)
	for _, after := range []time.Duration{2500, 2900, 3000, 3500, 3999, 4000} {
		require.NoError(t, tally.sayNowAndThen(&out, began.Add(after*time.Millisecond)))
	}
	assert.Equal(t, 2, strings.Count(out.String(), "commits {"))
}
