package result

import (
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// commits returns a writer's commits that took this many microseconds.
func commits(t *testing.T, took ...int64) protocol.CommitStats {
	t.Helper()
	h := hdrhistogram.New(1, 60_000_000, 3)
	for _, n := range took {
		require.NoError(t, h.RecordValue(n))
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	return protocol.CommitStats{Count: uint64(len(took)), Records: 2 * uint64(len(took)), Histogram: string(encoded)}
}

func TestLatencyOf_MergesAllEpochs(t *testing.T) {
	l, err := LatencyOf([]protocol.CommitStats{commits(t, 100, 100, 100), commits(t, 200, 5000)})
	require.NoError(t, err)
	assert.Equal(t, uint64(5), l.Count)
	assert.Equal(t, uint64(10), l.Records)
	assert.Equal(t, 100*time.Microsecond, l.P50)
	assert.InEpsilon(t, 5*time.Millisecond, l.Max, 0.002)
	var count int64
	for _, b := range l.Buckets {
		count += b.Count
		assert.Positive(t, b.Count)
	}
	assert.Equal(t, int64(5), count)
}

func TestLatencyOf_WithoutCommits(t *testing.T) {
	l, err := LatencyOf(nil)
	assert.NoError(t, err)
	assert.Nil(t, l)
	for _, wrong := range []string{"", "x", "HISTFAAAAA=="} {
		_, err := LatencyOf([]protocol.CommitStats{{Histogram: wrong}})
		assert.Error(t, err, wrong)
	}
}

// A threshold must not pass because the commits of one writer are unknown.
func TestCommits_AreUnknownAfterAnError(t *testing.T) {
	var all Commits
	require.NoError(t, all.Add(commits(t, 100)))
	require.NotNil(t, all.Latency())
	require.Error(t, all.Add(protocol.CommitStats{Count: 1, Histogram: "x"}))
	require.NoError(t, all.Add(commits(t, 200)))
	assert.Nil(t, all.Latency())
}

func TestRecoveries_CountFromTheDeletion(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	c := Cell{Epochs: []Epoch{
		{Number: 1, DeletionRequestedAt: at(10), DeletedAt: at(12), AckedAtDeletion: 100},
		{
			Number: 2, Pod: Pod{ScheduledAt: at(13), StartedAt: at(15)}, FirstAckAt: at(16),
			DeletionRequestedAt: at(20), DeletedAt: at(21), AckedAtDeletion: 180,
		},
	}}
	assert.Equal(t, []Recovery{{
		Epoch: 1, Deleted: 2 * time.Second, Scheduled: 3 * time.Second, Started: 5 * time.Second,
		FirstAck: 6 * time.Second, AckedAtDeletion: 100,
	}}, c.Recoveries(), "no writer followed the last deletion")
	assert.Equal(t, 6*time.Second, c.SlowestRecovery())
	assert.Zero(t, Cell{}.SlowestRecovery())
}

func TestRate_CountsOnlyRunningWriters(t *testing.T) {
	ack := func(epoch int, seq uint64, seconds int) ledger.Ack {
		return ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: seq}, Time: time.Unix(int64(seconds), 0)}
	}
	first, second := ack(1, 1, 0), ack(2, 1, 20)
	c := Cell{
		Epochs: []Epoch{{Number: 1, FirstAck: &first}, {Number: 2, FirstAck: &second}, {Number: 3}},
		Acks:   []ledger.Ack{ack(1, 1001, 10), ack(2, 1, 20), ack(3, 7, 40)},
	}
	assert.Equal(t, 100.0, c.Rate(), "epochs without a first and a later acknowledgement do not count")
	assert.Zero(t, Cell{}.Rate())
}

func TestDownsampleAcks_LimitsThoseOfACell(t *testing.T) {
	for epochs, most := range map[int]int{1: MaxAckSamples, 100: MaxAckSamples, 1000: 12, 9000: 2} {
		var c Cell
		for range epochs {
			e := Epoch{}
			for i := range 2 * MaxAckSamples {
				e.Acks = append(e.Acks, AckSample{Seq: uint64(i)})
			}
			c.Epochs = append(c.Epochs, e)
		}
		c.DownsampleAcks()
		for _, e := range c.Epochs {
			assert.LessOrEqual(t, len(e.Acks), most)
			assert.Equal(t, uint64(0), e.Acks[0].Seq)
			assert.Equal(t, uint64(2*MaxAckSamples-1), e.Acks[len(e.Acks)-1].Seq)
		}
	}
}

func TestDownsample_KeepsTheFirstAndTheLast(t *testing.T) {
	var all []AckSample
	for i := range 10_000 {
		all = append(all, AckSample{time.Unix(int64(i), 0), uint64(i)})
	}
	thin := Downsample(all, MaxAckSamples)
	assert.LessOrEqual(t, len(thin), MaxAckSamples)
	assert.Equal(t, all[0], thin[0])
	assert.Equal(t, all[len(all)-1], thin[len(thin)-1])
	assert.Equal(t, all[:3], Downsample(all[:3], MaxAckSamples))
}
