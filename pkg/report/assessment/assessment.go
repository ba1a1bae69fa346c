// Package assessment assesses a result against a rule of a security guide: a status, its reason, and the texts for the
// assessor.
//
// It reports two results separately: the result by the check's own criterion, which an assessor can confirm by hand,
// and the result of the byte-for-byte verification. It does not depend on a file format.
package assessment

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Status is a status in a checklist.
type Status int

// The statuses of a checklist.
const (
	NotReviewed Status = iota
	NotAFinding
	Open
	NotApplicable
)

// Metadata is what an assessment states in addition to the result.
type Metadata struct {
	// Asset is the cluster's name in the assessor's tools; empty for a name made of its UID.
	Asset string
	// BundleLocation is the place where the bundle is stored; empty if unknown.
	BundleLocation string
	// ResultSHA256 is the SHA-256 of result.json in hexadecimal.
	ResultSHA256 string
}

// Assessment is the assessment of a result against a rule.
type Assessment struct {
	Rule   rule.Rule
	Status Status
	// Reason gives the reason for the status in a sentence.
	Reason string
	// Criterion is the result by the check's own criterion.
	Criterion string
	// Verification is the result of the byte-for-byte verification.
	Verification string
	// Details are the finding details: both results and the data that support them.
	Details string
	// Comments say who ran the test, where the bundle is, and what the run does not prove.
	Comments string
}

// Assess assesses a result against a rule.
func Assess(r result.Result, to rule.Rule, metadata Metadata) Assessment {
	a := Assessment{Rule: to, Criterion: logData(r), Verification: verification(r)}
	a.Status, a.Reason = status(r, to)
	a.Details = a.details(r)
	a.Comments = a.comments(r, metadata)
	return a
}

// status returns the rule's status and its reason. An Error is neither a pass nor an open finding.
func status(r result.Result, to rule.Rule) (Status, string) {
	passed, failed, unknown := counts(r)
	switch {
	case r.Options.VolumeSource == options.Local:
		return NotReviewed, "A local run tests no cluster: " + r.Reason
	case r.Verdict == judge.NotApplicable && to.SwarmExemption == "":
		return NotReviewed, "No test was run, and the rule has no exemption for Swarm: " + r.Reason
	case r.Verdict == judge.NotApplicable && r.Cluster.Orchestrator == "":
		return NotReviewed, "No test was run, and the result does not show that the orchestrator is Swarm: " + r.Reason
	case r.Verdict == judge.NotApplicable:
		return NotApplicable, r.Cluster.Orchestrator
	case r.Verdict == judge.Fail && failed > 0:
		return Open, r.Reason
	case (r.Verdict == judge.Pass || r.IsOnlyTooSlow()) && passed > 0 && failed+unknown == 0:
		return NotAFinding, r.Reason
	case r.Verdict == judge.Stopped:
		return NotReviewed, "The run was stopped before it had a result: " + r.Reason
	case r.Verdict == judge.Error, r.Verdict == judge.Fail && failed == 0:
		return NotReviewed, "The run could not establish a result: " + r.Reason
	default:
		return NotReviewed, fmt.Sprintf("The verdict %s is not a result about the storage: %s", r.Verdict, r.Reason)
	}
}

// counts counts the cells under test by verdict, without skipped ones. A rule is about data, not about speed: a cell
// that failed only because of a threshold counts as passed.
func counts(r result.Result) (passed, failed, unknown int) {
	for _, c := range r.Tested() {
		switch {
		case c.Verdict == judge.Pass, c.IsOnlyTooSlow():
			passed++
		case c.Verdict == judge.Fail:
			failed++
		case c.Verdict == judge.Skipped:
		default:
			unknown++
		}
	}
	return passed, failed, unknown
}

// logData returns the result by the check's own criterion: whether the reader found any data in the log.
func logData(r result.Result) string {
	var present, absent, unread []string
	for _, c := range r.Tested() {
		switch {
		case c.Reader == nil:
			unread = append(unread, name(c))
		case c.Reader.HasLogData():
			present = append(present, name(c))
		default:
			absent = append(absent, name(c))
		}
	}
	var parts []string
	for _, s := range []struct {
		text  string
		cells []string
	}{{"log data not present", absent}, {"log data present", present}, {"the log was not read back", unread}} {
		if len(s.cells) > 0 {
			parts = append(parts, s.text+inCells(s.cells))
		}
	}
	if len(parts) == 0 {
		return "the log was not read back"
	}
	return strings.Join(parts, "; ")
}

// byCriterion returns the status by the check's own criterion.
func byCriterion(r result.Result) string {
	read := false
	for _, c := range r.Tested() {
		if c.Reader == nil {
			continue
		}
		if !c.Reader.HasLogData() {
			return "By this criterion alone, this is a finding"
		}
		read = true
	}
	if !read {
		return "By this criterion alone, there is no result"
	}
	return "By this criterion alone, this is not a finding"
}

// inCells names cells in parentheses; it is empty for a single unnamed one.
func inCells(cells []string) string {
	if len(cells) == 1 && cells[0] == "" {
		return ""
	}
	return " (" + strings.Join(cells, ", ") + ")"
}

// verification returns the result of the byte-for-byte verification of each cell.
func verification(r result.Result) string {
	var parts []string
	for _, c := range r.Tested() {
		var s string
		switch c.Verdict {
		case judge.Pass, judge.Fail:
			s = c.VerificationSentence()
		case judge.Skipped:
			s = "skipped: " + c.Reason
		default:
			records := judge.Count(ledger.CountRecords(c.Acks), "acknowledged record")
			s = fmt.Sprintf("not established (%s): %s", records, c.Reason)
		}
		if name(c) != "" {
			s = name(c) + ": " + s
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return "no record was written or read"
	}
	return strings.Join(parts, "\n   ")
}

func name(c result.Cell) string { return c.Spec.Name }

// Asset returns the name of the assessed cluster.
func Asset(r result.Result, metadata Metadata) string {
	const maxLength = 255 // the limit of STIG Manager
	asset := metadata.Asset
	switch {
	case asset != "":
	case r.Cluster.UID != "":
		asset = "kubernetes-" + string(r.Cluster.UID)
	default:
		asset = "kubernetes"
		if u, err := url.Parse(r.Cluster.Server); err == nil && u.Hostname() != "" {
			asset = u.Hostname()
		}
	}
	return strings.ToValidUTF8(asset[:min(len(asset), maxLength)], "")
}
