// Package assessment is what a result means for a rule of a security guide: a
// status, why it is that, and the texts that an assessor needs to believe it.
//
// It makes two statements apart: what the check's own criterion comes to, so that
// an assessor can reach the guide's own verdict again, and what the bytes say. It
// knows no file format, and claims nothing about a rule that is not in the data.
package assessment

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Status is one of the four that checklists know.
type Status int

// The statuses. The zero value is the one that claims nothing.
const (
	NotReviewed Status = iota
	NotAFinding
	Open
	NotApplicable
)

// Context is what is known of a result beyond what is in it.
type Context struct {
	// Asset is the name by which the user's tools know the cluster; empty for one
	// that is made of the cluster's UID.
	Asset string
	// Where says where the bundle is kept, in words; empty where nobody knows.
	Where string
	// Sum is the SHA-256 of result.json in hexadecimal.
	Sum string
}

// Assessment is what a result means for a rule.
type Assessment struct {
	Rule   rule.Rule
	Status Status
	// Why is the reason of the status, in a sentence.
	Why string
	// Criterion is what the check's own criterion comes to.
	Criterion string
	// Bytes is what the bytes say.
	Bytes string
	// Details is the evidence; Comments is who ran it, where the bundle is, and what was not shown.
	Details  string
	Comments string
}

// Of assesses a result.
func Of(r result.Result, to rule.Rule, in Context) Assessment {
	a := Assessment{Rule: to, Criterion: logData(r), Bytes: bytesSay(r)}
	a.Status, a.Why = status(r, to)
	a.Details = a.details(r)
	a.Comments = a.comments(r, in)
	return a
}

// status is the rule's status. An Error is never a pass, and never open either: it
// shows nothing.
func status(r result.Result, to rule.Rule) (Status, string) {
	passed, failed, unknown := counts(r)
	switch {
	case r.Verdict == judge.NotApplicable && to.Swarm == "":
		return NotReviewed, "Nothing was tried, and the rule does not say that it does not apply: " + r.Reason
	case r.Verdict == judge.NotApplicable && r.Cluster.Orchestrator == "":
		return NotReviewed, "Nothing was tried, and nothing shows that Swarm orchestrates: " + r.Reason
	case r.Verdict == judge.NotApplicable:
		return NotApplicable, r.Cluster.Orchestrator
	case r.Verdict == judge.Fail && failed > 0:
		return Open, r.Reason
	case r.Verdict == judge.Pass && passed > 0 && failed+unknown == 0:
		return NotAFinding, r.Reason
	case r.Verdict == judge.Stopped:
		return NotReviewed, "The run was stopped before it could tell: " + r.Reason
	case r.Verdict == judge.Error:
		return NotReviewed, "The run could not tell: " + r.Reason
	default:
		return NotReviewed, fmt.Sprintf("The run's verdict (%s) is not one on the storage: %s", r.Verdict, r.Reason)
	}
}

// counts are the cells under test by what they came to. One that was skipped says nothing.
func counts(r result.Result) (passed, failed, unknown int) {
	for _, c := range underTest(r) {
		switch c.Verdict {
		case judge.Pass:
			passed++
		case judge.Fail:
			failed++
		case judge.Skipped:
		default:
			unknown++
		}
	}
	return passed, failed, unknown
}

// underTest are the cells but the control, which is to lose its data.
func underTest(r result.Result) []result.Cell {
	var cells []result.Cell
	for _, c := range r.Cells {
		if !c.Plan.Control {
			cells = append(cells, c)
		}
	}
	return cells
}

// logData is what the check's own criterion comes to: whether a pod that mounted
// the claim afterwards found anything in the log at all.
func logData(r result.Result) string {
	var present, absent, unread []string
	for _, c := range underTest(r) {
		switch {
		case c.Reader == nil:
			unread = append(unread, name(c))
		case c.Reader.HasLogData():
			present = append(present, name(c))
		default:
			absent = append(absent, name(c))
		}
	}
	var said []string
	for _, s := range []struct {
		what string
		in   []string
	}{{"log data not present", absent}, {"log data present", present}, {"the log was not read back", unread}} {
		if len(s.in) > 0 {
			said = append(said, s.what+where(s.in))
		}
	}
	if len(said) == 0 {
		return "the log was not read back"
	}
	return strings.Join(said, "; ")
}

// byCriterion is what an assessor would say who looks only for log data.
func byCriterion(r result.Result) string {
	read := false
	for _, c := range underTest(r) {
		if c.Reader == nil {
			continue
		}
		if !c.Reader.HasLogData() {
			return "By it alone this is a finding"
		}
		read = true
	}
	if !read {
		return "By it alone nothing is shown"
	}
	return "By it alone this is not a finding"
}

// where names cells, unless there is only the one.
func where(cells []string) string {
	if len(cells) == 1 && cells[0] == "" {
		return ""
	}
	return " (" + strings.Join(cells, ", ") + ")"
}

// bytesSay is what became of what was acknowledged, in all cells.
func bytesSay(r result.Result) string {
	var said []string
	for _, c := range underTest(r) {
		var s string
		switch promised := ledger.Count(c.Acks); c.Verdict {
		case judge.Pass, judge.Fail:
			s = c.VerificationSentence()
		case judge.Skipped:
			s = "skipped: " + c.Reason
		default:
			s = fmt.Sprintf("could not be told (%d records had been acknowledged): %s", promised, c.Reason)
		}
		if name(c) != "" {
			s = name(c) + ": " + s
		}
		said = append(said, s)
	}
	if len(said) == 0 {
		return "nothing was written and nothing read"
	}
	return strings.Join(said, "\n   ")
}

func name(c result.Cell) string { return c.Plan.Name }

// Asset is the name of what was assessed: the cluster.
func Asset(r result.Result, in Context) string {
	const longest = 255 // that STIG Manager takes
	asset := in.Asset
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
	return strings.ToValidUTF8(asset[:min(len(asset), longest)], "")
}
