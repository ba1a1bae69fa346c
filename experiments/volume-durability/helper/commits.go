package main

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const (
	// tallyEvery is how far apart it is said how long commits take.
	tallyEvery = time.Second
	// slowestCommit is the longest that is told from longer ones.
	slowestCommit = time.Hour
	// tallyDigits are the significant digits of what is said.
	tallyDigits = 3
)

// tally is a journal's file of which the commits are measured: each is a write and
// the sync after it.
type tally struct {
	journal.File
	began   time.Time
	took    time.Duration
	commits protocol.CommitStats
	times   *hdrhistogram.Histogram // in microseconds
	said    time.Time
}

func newTally(file journal.File) *tally {
	return &tally{File: file, times: hdrhistogram.New(1, slowestCommit.Microseconds(), tallyDigits), said: time.Now()}
}

func (t *tally) Write(b []byte) (int, error) {
	t.began = time.Now()
	return t.File.Write(b)
}

func (t *tally) Datasync() error {
	err := t.File.Datasync()
	t.took = time.Since(t.began)
	return err
}

// count takes note of the last commit, once it is one.
func (t *tally) count(records int) {
	t.commits.Count++
	t.commits.Records += uint64(records)
	// What is out of the histogram's range is its nearest value, so it takes every one.
	_ = t.times.RecordValue(min(max(t.took.Microseconds(), 1), slowestCommit.Microseconds()))
}

// sayNowAndThen says the commits so far, not more often than tallyEvery.
func (t *tally) sayNowAndThen(out io.Writer, at time.Time) error {
	if at.Sub(t.said) < tallyEvery {
		return nil
	}
	t.said = at
	return t.say(out)
}

// say says the commits so far, if there are any.
func (t *tally) say(out io.Writer) error {
	if t.commits.Count == 0 {
		return nil
	}
	encoded, err := t.times.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return fmt.Errorf("encoding how long commits took: %w", err)
	}
	said := t.commits
	said.Histogram = string(encoded)
	return protocol.Write(out, protocol.Message{CommitStats: &said})
}
