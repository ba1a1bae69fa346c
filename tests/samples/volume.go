package samples

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// volume is a journal in memory with its ledger.
type volume struct {
	format  journal.Format
	bytes   []byte
	ledger  ledger.Ledger
	epoch   int
	random  *rand.Rand
	took    []protocol.CommitStats
	records uint64 // acknowledged so far, of all epochs
	// damage is the offset of the first damaged byte, if damaged.
	damaged bool
	damage  int64
	// model has the slots of the write pattern overwrite; zero for a journal.
	model pattern.Model
	// before are the bytes before the current epoch.
	before []byte
}

func newVolume(id string, seed uint64) *volume {
	return &volume{format: journal.Format{ID: id, RecordSize: 256}, random: rand.New(rand.NewPCG(seed, 1))}
}

func (v *volume) Write(b []byte) (int, error) {
	v.bytes = append(v.bytes, b...)
	return len(b), nil
}

func (v *volume) Datasync() error { return nil }

// commitEvery is the interval between commits, and recordsEach the number of records in each.
const (
	commitEvery = 250 * time.Millisecond
	recordsEach = 25
)

// write writes an epoch that commits at a steady rate. It returns the acknowledgements. The records after the last one
// are not acknowledged.
func (v *volume) write(from, to time.Time, median time.Duration) (first *ledger.Ack, _ []result.AckSample) {
	v.epoch++
	v.before = bytes.Clone(v.bytes)
	commit := v.committer()
	took := hdrhistogram.New(1, 60_000_000, 3)
	var acks []result.AckSample
	var commits uint64
	for at := from; at.Before(to); at = at.Add(commitEvery) {
		duration := v.commitTime(median)
		last := commit(recordsEach, at)
		check(took.RecordValue(duration.Microseconds()))
		ack := ledger.Ack{Point: journal.Point{Epoch: v.epoch, Seq: last.Seq}, Digest: last.Checksum, Time: at.Add(duration)}
		if first == nil {
			first = &ack
		}
		check(v.ledger.Add(ack))
		acks = append(acks, result.AckSample{ReceivedAt: at.Add(duration + 2*time.Millisecond), Seq: last.Seq})
		commits++
	}
	commit(3, to)
	v.took = append(v.took, protocol.CommitStats{
		Count: commits, Records: commits * recordsEach,
		Histogram: string(must(took.Encode(hdrhistogram.V2CompressedEncodingCookieBase))),
	})
	v.records += commits * recordsEach
	return first, result.Downsample(acks, result.MaxAckSamples)
}

// committer returns the function that commits records of the current epoch and returns the last one.
func (v *volume) committer() func(n int, at time.Time) journal.Record {
	if v.model.Objects > 0 {
		return v.overwriter()
	}
	unterminated := len(v.bytes) > 0 && v.bytes[len(v.bytes)-1] != '\n'
	w := must(journal.NewWriter(v, v.format, v.epoch, int64(len(v.bytes)), unterminated))
	return func(n int, at time.Time) journal.Record {
		return must(w.Commit(n, func() time.Time { return at }))
	}
}

// commitTime returns the duration of a commit. Like on real storage, most are near the median and a few much longer.
func (v *volume) commitTime(median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(v.random.NormFloat64()*0.45))
}

// scan returns what a pod finds in the journal now.
func (v *volume) scan() protocol.ScanResult {
	if len(v.bytes) == 0 {
		return protocol.ScanResult{ScanReport: journal.ScanReport{Format: v.format}}
	}
	var points []journal.Point
	for _, p := range v.ledger.Acks() {
		points = append(points, p.Point)
	}
	if v.model.Objects > 0 {
		return protocol.ScanResult{ScanReport: v.scanSlots(points)}
	}
	return protocol.ScanResult{ScanReport: must(journal.Scan(bytes.NewReader(v.bytes), v.format, points))}
}

// sha256 returns the sum of the current bytes.
func (v *volume) sha256() string {
	sum := sha256.Sum256(v.bytes)
	return hex.EncodeToString(sum[:])
}

// markDamage records the offset of a damaged byte if it is the first one.
func (v *volume) markDamage(at int) {
	if !v.damaged || int64(at) < v.damage {
		v.damaged, v.damage = true, int64(at)
	}
}

// around returns the sample of bytes around damage that a pod reports.
func (v *volume) around(damage int64) *protocol.Excerpt {
	const size = 256
	from := max(0, damage-size/2)
	to := min(int64(len(v.bytes)), from+size)
	return &protocol.Excerpt{Offset: from, Bytes: bytes.Clone(v.bytes[from:to]), Damage: damage}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

// check panics on an error. Samples do not depend on their environment, so an error is a bug.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
