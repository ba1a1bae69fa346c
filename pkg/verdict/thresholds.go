package verdict

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// compareAll compares the figures of a cell with the thresholds that are set. The control has none.
func compareAll(c *result.Cell, limits options.Thresholds) []result.Threshold {
	if c.Spec.Control {
		return nil
	}
	var all []result.Threshold
	if limits.MaxRecovery > 0 {
		all = append(all, compareRecovery(c, limits.MaxRecovery))
	}
	if limits.MaxCommitP99 > 0 {
		all = append(all, compareCommits(c, options.MaxCommitP99Option, limits.MaxCommitP99))
	}
	if limits.MaxCommit > 0 {
		all = append(all, compareCommits(c, options.MaxCommitOption, limits.MaxCommit))
	}
	if limits.MinRate > 0 {
		all = append(all, compareRate(c, limits.MinRate))
	}
	return all
}

// compareRecovery compares the slowest recovery. The volume did not cause the part of a recovery in which the API
// server was unavailable, nor the one in which the journal was read again because of the caches of a client. So a
// recovery that is too slow only with these parts is not measured.
func compareRecovery(c *result.Cell, limit time.Duration) result.Threshold {
	var certain, outage, reread time.Duration
	for _, r := range c.Recoveries() {
		if least := r.FirstAck - r.APIOutage - r.Reread; r.FirstAck > 0 && least > certain {
			certain = least
		}
		if r.FirstAck > limit {
			outage, reread = max(outage, r.APIOutage), max(reread, r.Reread)
		}
	}
	slowest := c.SlowestRecovery()
	t := newThreshold(options.MaxRecoveryOption, limit)
	switch {
	case slowest == 0:
		return notMeasured(t, "no recovery was observed")
	case slowest > limit && certain <= limit:
		return notMeasured(t, fmt.Sprintf("the slowest recovery took %s, but %s", round(slowest), excused(outage, reread)))
	}
	return compareDuration(t, "the slowest recovery", slowest, limit)
}

// excused describes the parts of a recovery that the volume did not cause.
func excused(outage, reread time.Duration) string {
	var parts []string
	if outage > 0 {
		parts = append(parts, fmt.Sprintf("the API server was unavailable for %s of it", round(outage)))
	}
	if reread > 0 {
		parts = append(parts, fmt.Sprintf("the journal was read again for %s of it", round(reread)))
	}
	return strings.Join(parts, " and ")
}

// compareCommits compares the duration of the commits that the option limits.
func compareCommits(c *result.Cell, option string, limit time.Duration) result.Threshold {
	t := newThreshold(option, limit)
	switch {
	case c.Latency == nil || c.Latency.Count == 0:
		return notMeasured(t, "no commit was timed")
	case option == options.MaxCommitP99Option:
		return compareDuration(t, "the 99th percentile of the commits", c.Latency.P99, limit)
	}
	return compareDuration(t, "the slowest commit", c.Latency.Max, limit)
}

func compareRate(c *result.Cell, lowest float64) result.Threshold {
	t := result.Threshold{Option: options.MinRateOption, Unit: result.RecordsPerSecond, Limit: lowest}
	rate := c.Rate()
	if rate == 0 {
		return notMeasured(t, "the rate was not measured")
	}
	t.Measured, t.Outcome = &rate, result.Met
	if rate < lowest {
		t.Outcome = result.Missed
		t.Reason = fmt.Sprintf("the rate was %.4g records/s; the threshold is %v records/s", rate, lowest)
	}
	return t
}

func newThreshold(option string, limit time.Duration) result.Threshold {
	return result.Threshold{Option: option, Unit: result.Seconds, Limit: limit.Seconds()}
}

func notMeasured(t result.Threshold, reason string) result.Threshold {
	t.Outcome, t.Reason = result.NotMeasured, reason
	return t
}

func compareDuration(t result.Threshold, figure string, measured, limit time.Duration) result.Threshold {
	seconds := measured.Seconds()
	t.Measured, t.Outcome = &seconds, result.Met
	if measured > limit {
		t.Outcome = result.Missed
		t.Reason = fmt.Sprintf("%s took %s; the threshold is %s", figure, round(measured), limit)
	}
	return t
}

// round rounds a duration up to what a reader needs. A figure just above its limit must not look equal to it.
func round(d time.Duration) time.Duration {
	unit := time.Microsecond
	if d >= time.Second {
		unit = time.Millisecond
	}
	return (d + unit - 1).Truncate(unit)
}

// missed returns a finding for each threshold that the cell did not meet.
func missed(c *result.Cell) []judge.Finding {
	var findings []judge.Finding
	for _, t := range c.Thresholds {
		if t.Outcome == result.Missed {
			findings = append(findings, judge.Finding{Class: judge.TooSlow, Detail: t.Reason})
		}
	}
	return findings
}

// NotMeasured returns which thresholds of a cell were not checked, and why. It is empty if all were.
func NotMeasured(c *result.Cell) string {
	var reasons []string
	for _, t := range c.Thresholds {
		if t.Outcome == result.NotMeasured {
			reasons = append(reasons, fmt.Sprintf("%s (%s)", t.Reason, t.Option))
		}
	}
	return strings.Join(reasons, "; ")
}
