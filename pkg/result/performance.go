package result

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Latency is the distribution of the commits' durations. A commit is a write and its sync, timed by the writer.
type Latency struct {
	// Count is the number of commits.
	Count uint64 `json:"count"`
	// Records is the number of records in them.
	Records uint64        `json:"records"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
	// Buckets are the distribution, in order, without empty buckets.
	Buckets []Bucket `json:"buckets"`
}

// Bucket is the number of commits whose duration was in one range.
type Bucket struct {
	From  time.Duration `json:"from"`
	To    time.Duration `json:"to"`
	Count int64         `json:"count"`
}

// Commits merges the durations of the commits of several writers. The zero value has none.
type Commits struct {
	latency Latency
	all     *hdrhistogram.Histogram
	// failed is set if the commits of a writer could not be added.
	failed bool
}

// Add adds the commits of one writer. After an error, the distribution is unknown.
func (c *Commits) Add(stats protocol.CommitStats) error {
	h, err := decode(stats.Histogram)
	if err != nil {
		c.failed = true
		return fmt.Errorf("decoding the histogram of a writer's commits: %w", err)
	}
	c.latency.Count, c.latency.Records = c.latency.Count+stats.Count, c.latency.Records+stats.Records
	if c.all == nil {
		c.all = h
		return nil
	}
	c.all.Merge(h)
	return nil
}

// Latency returns the distribution of all durations. It is nil if there are none, or if those of a writer could not be
// added: the slowest commit may be one of them.
func (c *Commits) Latency() *Latency {
	if c.all == nil || c.failed {
		return nil
	}
	l := c.latency
	l.P50, l.P99 = microseconds(c.all.ValueAtQuantile(50)), microseconds(c.all.ValueAtQuantile(99))
	l.Max = microseconds(c.all.Max())
	l.Buckets = buckets(c.all)
	return &l
}

// LatencyOf merges the commits of all epochs. It returns nil if there are none.
func LatencyOf(commits []protocol.CommitStats) (*Latency, error) {
	var all Commits
	for _, c := range commits {
		if err := all.Add(c); err != nil {
			return nil, err
		}
	}
	return all.Latency(), nil
}

// buckets returns the few buckets that a chart can show: the histogram itself has hundreds.
func buckets(fine *hdrhistogram.Histogram) []Bucket {
	coarse := hdrhistogram.New(fine.LowestTrackableValue(), fine.HighestTrackableValue(), 1)
	for _, b := range fine.Distribution() {
		// Both histograms have the same range, so this does not fail.
		_ = coarse.RecordValues(b.From, b.Count)
	}
	var all []Bucket
	for _, b := range coarse.Distribution() {
		if b.Count > 0 {
			all = append(all, Bucket{microseconds(b.From), microseconds(b.To), b.Count})
		}
	}
	return all
}

// decode checks the length itself: the library does not.
func decode(encoded string) (*hdrhistogram.Histogram, error) {
	const header = 8 // a cookie and a length
	if base64.StdEncoding.DecodedLen(len(encoded)) < header+3 {
		return nil, fmt.Errorf("%q is too short", encoded)
	}
	return hdrhistogram.Decode([]byte(encoded))
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// Recovery has the time from a deletion to the end of each step. Zero means unknown.
type Recovery struct {
	// Epoch is that of the deleted writer.
	Epoch     int
	Deleted   time.Duration
	Scheduled time.Duration
	Attached  time.Duration
	Mounted   time.Duration
	Started   time.Duration
	FirstAck  time.Duration
	// APIOutage is the part of the recovery in which the API server was unavailable.
	APIOutage time.Duration
	// Reread is the part of the recovery in which the next writer read the journal again.
	Reread time.Duration
	// AckedAtDeletion is how many records were acknowledged when the writer was deleted.
	AckedAtDeletion uint64
}

// Recoveries returns the recovery from each deletion that was followed by another writer. A recovery has only the first
// acknowledgement if the result has only the main facts of its writer.
func (c Cell) Recoveries() []Recovery {
	var all []Recovery
	epochs := c.AllEpochs()
	for i, e := range epochs[:max(0, len(epochs)-1)] {
		deleted := e.Main()
		if deleted.DeletionRequestedAt.IsZero() {
			continue
		}
		r := Recovery{Epoch: deleted.Number, AckedAtDeletion: deleted.AckedAtDeletion}
		if full := e.Full; full != nil {
			r.Deleted, r.APIOutage = after(deleted.DeletionRequestedAt, full.DeletedAt), full.APIOutage
		}
		if next := epochs[i+1]; next.Brief != nil {
			r.FirstAck = next.Brief.Recovery
		} else {
			r.addSteps(deleted.DeletionRequestedAt, *next.Full)
		}
		all = append(all, r)
	}
	return all
}

// addSteps adds the times at which the steps of the next writer ended.
func (r *Recovery) addSteps(deleted time.Time, next Epoch) {
	r.Scheduled, r.Attached = after(deleted, next.ScheduledAt), after(deleted, next.AttachedAt)
	r.Mounted, r.Started = after(deleted, next.MountedAt), after(deleted, next.StartedAt)
	r.FirstAck = after(deleted, next.FirstAckAt)
	if read := next.InitialRead; read != nil && read.ScanResult.Reread != nil {
		r.Reread = read.ScanResult.Reread.Duration()
	}
}

// after returns the time from a deletion to the end of a step; 0 if that is unknown.
func after(deleted, end time.Time) time.Duration {
	if end.IsZero() {
		return 0
	}
	return end.Sub(deleted)
}

// SlowestRecovery returns the longest time from a deletion to the next acknowledgement; 0 if no writer recovered, or if
// the cell was skipped, because its figures count nowhere.
func (c Cell) SlowestRecovery() time.Duration {
	if c.Verdict == judge.Skipped {
		return 0
	}
	var slowest time.Duration
	for _, r := range c.Recoveries() {
		slowest = max(slowest, r.FirstAck)
	}
	return slowest
}

// Rate returns how many records per second were acknowledged while a writer ran. It uses the writers' clocks, because
// acknowledgements reach the experiment in bursts.
func (c Cell) Rate() float64 {
	var records uint64
	var elapsed time.Duration
	if c.Brief != nil {
		records, elapsed = c.Brief.Records, c.Brief.Time
	}
	for _, e := range c.Epochs {
		more, took := e.written(c.Acks)
		records, elapsed = records+more, elapsed+took
	}
	if elapsed <= 0 {
		return 0
	}
	return float64(records) / elapsed.Seconds()
}

// written returns how many records the writer acknowledged after its first acknowledgement, and in which time. acks are
// sorted by epoch.
func (e *Epoch) written(acks []ledger.Ack) (records uint64, took time.Duration) {
	i, found := ledger.Find(acks, e.Number)
	if !found || e.FirstAck == nil || acks[i].Seq <= e.FirstAck.Seq {
		return 0, 0
	}
	return acks[i].Seq - e.FirstAck.Seq, acks[i].Time.Sub(e.FirstAck.Time)
}

const (
	// MaxAckSamples limits the sampled acknowledgements of an epoch.
	MaxAckSamples = 120
	// maxCellAckSamples limits those of a cell, unless each epoch has only its first and its last one.
	maxCellAckSamples = 12_000
)

// DownsampleAcks reduces the sampled acknowledgements of all epochs to a number that a report can show.
func (c *Cell) DownsampleAcks() {
	most := max(2, min(MaxAckSamples, maxCellAckSamples/max(1, len(c.Epochs))))
	for i := range c.Epochs {
		c.Epochs[i].Acks = Downsample(c.Epochs[i].Acks, most)
	}
}

// Downsample returns at most a number of an epoch's acknowledgements, which must be 2 or more. It includes the first
// and the last one.
func Downsample(all []AckSample, most int) []AckSample {
	for len(all) > most {
		last := all[len(all)-1]
		var half []AckSample
		for pair := range slices.Chunk(all[:len(all)-1], 2) {
			half = append(half, pair[0])
		}
		all = append(half, last)
	}
	return all
}
