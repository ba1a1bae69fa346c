package result

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

var columns = []string{
	"CELL", "VERDICT", "EVIDENCE", "RECORDS", "LOST", "DELETIONS", "RECOVERY", "COMMIT P50", "P99", "MAX", "RECORDS/S",
}

// titles returns the titles of the columns. A local run kills its writers.
func (r Result) titles() []string {
	titles := slices.Clone(columns)
	if len(r.Cells) > 0 && r.Cells[0].IsLocal() {
		titles[slices.Index(titles, "DELETIONS")] = "KILLS"
	}
	return titles
}

// Table returns a table of the run's cells as text, a line for each.
func (r Result) Table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(r.titles(), "\t"))
	for _, c := range r.Cells {
		fmt.Fprintln(w, strings.Join(c.row(), "\t"))
	}
	// Writing to memory does not fail.
	_ = w.Flush()
	return text.String()
}

func (c Cell) row() []string {
	name := c.DisplayName()
	if c.Verdict == judge.Skipped {
		return append([]string{name, string(c.Verdict)}, slices.Repeat([]string{"-"}, len(columns)-2)...)
	}
	lost := "-"
	if c.Reader != nil || len(c.Findings) > 0 {
		lost = judge.FormatCount(c.Lost())
	}
	row := []string{
		name, string(c.Verdict), c.Provenance.Level.String(), judge.FormatCount(ledger.CountRecords(c.Acks)), lost,
		judge.FormatCount(c.Deletions()), FormatDuration(c.SlowestRecovery()),
	}
	if c.Latency == nil {
		return append(row, "-", "-", "-", "-")
	}
	rate := judge.FormatCount(uint64(math.Round(c.Rate())))
	return append(row, FormatDuration(c.Latency.P50), FormatDuration(c.Latency.P99), FormatDuration(c.Latency.Max), rate)
}

// Lost returns how many acknowledged records are missing or damaged. Duplicated and reordered records are not lost.
// Several findings may concern the same record, so the sum is limited to the number of acknowledged records.
func (c Cell) Lost() uint64 {
	var lost uint64
	for _, f := range c.Findings {
		if f.Class != judge.Reordered && f.Class != judge.Duplicated {
			lost += f.Records
		}
	}
	return min(lost, ledger.CountRecords(c.Acks))
}

// LostAllData reports whether all acknowledged records are missing, as they must be in the control: an emptyDir keeps
// nothing.
func (c Cell) LostAllData() bool {
	return c.Verdict == judge.Fail && slices.ContainsFunc(c.Findings, func(f judge.Finding) bool {
		return f.Class == judge.Missing && f.Records > 0
	})
}

// FormatDuration formats a duration with about three digits; "-" for zero, which means unknown.
func FormatDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
