package helper

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const (
	// statsInterval is the minimum time between two messages with commit statistics.
	statsInterval = time.Second
	// maxCommitTime is the upper bound of the histogram.
	maxCommitTime = time.Hour
	// histogramDigits is the number of significant digits of the histogram.
	histogramDigits = 3
)

// commitTimer is a journal.File that measures the duration of commits: a write and the sync after it.
type commitTimer struct {
	journal.File
	start      time.Time     // of the current commit
	last       time.Duration // duration of the last commit
	stats      protocol.CommitStats
	histogram  *hdrhistogram.Histogram // in microseconds
	lastReport time.Time
}

func newCommitTimer(file journal.File) *commitTimer {
	histogram := hdrhistogram.New(1, maxCommitTime.Microseconds(), histogramDigits)
	return &commitTimer{File: file, histogram: histogram, lastReport: time.Now()}
}

func (t *commitTimer) Write(b []byte) (int, error) {
	t.start = time.Now()
	return t.File.Write(b)
}

func (t *commitTimer) Datasync() error {
	err := t.File.Datasync()
	t.last = time.Since(t.start)
	return err
}

// measure measures a commit that is not a write and a sync of a file.
func (t *commitTimer) measure(commit func() error) error {
	t.start = time.Now()
	err := commit()
	t.last = time.Since(t.start)
	return err
}

// record adds the last commit, which succeeded, to the statistics.
func (t *commitTimer) record(records int) {
	t.stats.Count++
	t.stats.Records += uint64(records)
	// RecordValue fails only for values outside of the histogram's range.
	_ = t.histogram.RecordValue(min(max(t.last.Microseconds(), 1), maxCommitTime.Microseconds()))
}

// reportIfDue reports the statistics if statsInterval has passed since the last report.
func (t *commitTimer) reportIfDue(out io.Writer, now time.Time) error {
	if now.Sub(t.lastReport) < statsInterval {
		return nil
	}
	t.lastReport = now
	return t.report(out)
}

// report reports the statistics, if there was a commit.
func (t *commitTimer) report(out io.Writer) error {
	if t.stats.Count == 0 {
		return nil
	}
	encoded, err := t.histogram.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return fmt.Errorf("encoding the histogram of commit times: %w", err)
	}
	stats := t.stats
	stats.Histogram = string(encoded)
	return protocol.Write(out, protocol.Message{CommitStats: &stats})
}
