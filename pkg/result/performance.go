package result

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Latency is how long commits took: a write and its sync, by the writer's clock.
type Latency struct {
	// Count is of commits, Records of the records in them.
	Count   uint64        `json:"count"`
	Records uint64        `json:"records"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
	// Bars are the distribution, in order, without the empty ones.
	Bars []Bucket `json:"bars"`
}

// Bucket counts the commits that took From to To.
type Bucket struct {
	From  time.Duration `json:"from"`
	To    time.Duration `json:"to"`
	Count int64         `json:"count"`
}

// LatencyOf merges what the writers of all epochs say of their commits; nil where
// none says anything.
func LatencyOf(said []protocol.CommitStats) (*Latency, error) {
	var all *hdrhistogram.Histogram
	l := &Latency{}
	for _, c := range said {
		h, err := decode(c.Histogram)
		if err != nil {
			return nil, fmt.Errorf("the histogram of a writer's commits: %w", err)
		}
		l.Count, l.Records = l.Count+c.Count, l.Records+c.Records
		if all == nil {
			all = h
			continue
		}
		all.Merge(h)
	}
	if all == nil {
		return nil, nil
	}
	l.P50, l.P99, l.Max = microseconds(all.ValueAtQuantile(50)), microseconds(all.ValueAtQuantile(99)), microseconds(all.Max())
	l.Bars = bars(all)
	return l, nil
}

// bars are what a picture can show: a bar for each tenth or so of a power of two,
// where the histogram itself has hundreds.
func bars(fine *hdrhistogram.Histogram) []Bucket {
	coarse := hdrhistogram.New(fine.LowestTrackableValue(), fine.HighestTrackableValue(), 1)
	for _, bar := range fine.Distribution() {
		// What the one histogram could hold the other can.
		_ = coarse.RecordValues(bar.From, bar.Count)
	}
	var all []Bucket
	for _, bar := range coarse.Distribution() {
		if bar.Count > 0 {
			all = append(all, Bucket{microseconds(bar.From), microseconds(bar.To), bar.Count})
		}
	}
	return all
}

// decode reads a histogram. The library takes no notice of one that is too short.
func decode(encoded string) (*hdrhistogram.Histogram, error) {
	const header = 8 // a cookie and a length
	if base64.StdEncoding.DecodedLen(len(encoded)) < header+3 {
		return nil, fmt.Errorf("%q is too short", encoded)
	}
	return hdrhistogram.Decode([]byte(encoded))
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// Recovery is how an application would have lived through one deletion: the time
// from the deletion on until each step of its coming back. Zero is not known.
type Recovery struct {
	// Epoch is the one that was deleted.
	Epoch           int           `json:"epoch"`
	Gone            time.Duration `json:"gone"`
	Scheduled       time.Duration `json:"scheduled,omitempty"`
	Attached        time.Duration `json:"attached,omitempty"`
	Mounted         time.Duration `json:"mounted,omitempty"`
	Started         time.Duration `json:"started,omitempty"`
	FirstAckAt      time.Duration `json:"firstAck,omitempty"`
	AckedAtDeletion uint64        `json:"atStake"`
}

// Recoveries are those of all deletions after which a writer was to come back.
func (c Cell) Recoveries() []Recovery {
	var all []Recovery
	for i, e := range c.Epochs[:max(0, len(c.Epochs)-1)] {
		if e.Deleting.IsZero() {
			continue
		}
		after := func(t time.Time) time.Duration {
			if t.IsZero() {
				return 0
			}
			return t.Sub(e.Deleting)
		}
		next := c.Epochs[i+1]
		all = append(all, Recovery{
			Epoch: e.Number, AckedAtDeletion: e.AckedAtDeletion, Gone: after(e.Gone), Scheduled: after(next.Scheduled), Attached: after(next.Attached),
			Mounted: after(next.Mounted), Started: after(next.Started), FirstAckAt: after(next.FirstAckAt),
		})
	}
	return all
}

// SlowestRecovery is the longest time from a deletion to the first new acknowledgement; 0 where none came back.
func (c Cell) SlowestRecovery() time.Duration {
	var slowest time.Duration
	for _, r := range c.Recoveries() {
		slowest = max(slowest, r.FirstAckAt)
	}
	return slowest
}

// Rate is how many records a second were made durable while writers were at work,
// from the first acknowledgement of each that was heard to the last, by its own
// clock: on their way to the experiment they come in bursts.
func (c Cell) Rate() float64 {
	var records uint64
	var working time.Duration
	for _, e := range c.Epochs {
		for _, last := range c.Acks {
			if e.FirstAck != nil && last.Epoch == e.Number && last.Seq > e.FirstAck.Seq {
				records += last.Seq - e.FirstAck.Seq
				working += last.Time.Sub(e.FirstAck.Time)
			}
		}
	}
	if working <= 0 {
		return 0
	}
	return float64(records) / working.Seconds()
}

// maxAckSamples bounds the acknowledgements that are kept of one epoch.
const maxAckSamples = 120

// Downsample keeps so few of the acknowledgements of an epoch that a report can show
// them, the first and the last among them.
func Downsample(all []AckSample) []AckSample {
	for len(all) > maxAckSamples {
		last := all[len(all)-1]
		var half []AckSample
		for pair := range slices.Chunk(all, 2) {
			half = append(half, pair[0])
		}
		if half[len(half)-1] != last {
			half = append(half, last)
		}
		all = half
	}
	return all
}
