// Package junit renders a result as JUnit XML for CI systems: a run is a suite, a cell is a test.
//
// The output is valid according to the schema of Jenkins' xunit plugin (junit-10.xsd). That schema has no properties of
// a test, so the properties of a cell are properties of the suite, with the name of the cell before them. GitLab shows
// only the text of a failure, so the text has the reason too.
package junit

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

type (
	suites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		counts
		Time  string `xml:"time,attr"`
		Suite suite  `xml:"testsuite"`
	}
	suite struct {
		Name string `xml:"name,attr"`
		counts
		Skipped    int        `xml:"skipped,attr"`
		Time       string     `xml:"time,attr"`
		Timestamp  string     `xml:"timestamp,attr"`
		Hostname   string     `xml:"hostname,attr,omitempty"`
		Properties []property `xml:"properties>property,omitempty"`
		Cases      []testCase `xml:"testcase"`
	}
	counts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
	}
	testCase struct {
		Name      string   `xml:"name,attr"`
		ClassName string   `xml:"classname,attr"`
		Time      string   `xml:"time,attr"`
		Failure   *outcome `xml:"failure"`
		Error     *outcome `xml:"error"`
		Skipped   *outcome `xml:"skipped"`
		Output    string   `xml:"system-out,omitempty"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	outcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// className groups the tests in a CI system.
const className = "volume-durability"

// Render returns the result as JUnit XML.
func Render(r result.Result) ([]byte, error) {
	s := suite{
		Name: className, Time: seconds(r.EndedAt.Sub(r.StartedAt)),
		Timestamp: r.StartedAt.UTC().Format("2006-01-02T15:04:05"), Properties: runProperties(r),
	}
	for _, c := range r.Cells {
		s.Cases = append(s.Cases, newCase(c))
		s.Properties = append(s.Properties, cellProperties(c)...)
	}
	s.count()
	if !s.implies(r.Verdict) {
		// The counts must include a verdict that no cell has.
		run := result.Cell{Spec: options.CellSpec{Name: "the run"}, Verdict: r.Verdict, Reason: r.Reason}
		s.Cases = append(s.Cases, newCase(run))
		s.count()
	}
	document := suites{Name: className, counts: s.counts, Time: s.Time, Suite: s}
	encoded, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("the JUnit XML of run %s: %w", r.RunID, err)
	}
	return append([]byte(xml.Header), append(encoded, '\n')...), nil
}

// count counts the cases.
func (s *suite) count() {
	s.counts, s.Skipped = counts{Tests: len(s.Cases)}, 0
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
}

// implies reports whether the counts of the cases imply the run's verdict.
func (s *suite) implies(v judge.Verdict) bool {
	switch v {
	case judge.Pass:
		return s.Tests > 0 && s.Failures+s.Errors == 0
	case judge.Fail:
		return s.Failures > 0
	case judge.Error, judge.Stopped:
		return s.Errors > 0
	default:
		return false
	}
}

func newCase(c result.Cell) testCase {
	t := testCase{Name: c.DisplayName(), ClassName: className, Time: seconds(duration(c)), Output: output(c)}
	o := &outcome{Message: c.Reason, Type: string(c.Verdict), Text: c.Reason + "\n" + findings(c)}
	if c.Spec.Control {
		setControlOutcome(&t, c, o)
		return t
	}
	switch c.Verdict {
	case judge.Pass:
	case judge.Fail:
		t.Failure = o
		if len(c.Findings) > 0 {
			o.Type = string(c.Findings[0].Class)
		}
	case judge.Skipped, judge.NotApplicable:
		t.Skipped = o
	default:
		t.Error = o
	}
	return t
}

// setControlOutcome sets the outcome of the control. It passes if it lost its data. Otherwise it is an error, because
// the run cannot detect loss.
func setControlOutcome(t *testCase, c result.Cell, o *outcome) {
	switch {
	case c.LostAllData():
	case c.Verdict == judge.Skipped:
		t.Skipped = o
	default:
		t.Error = o
	}
}

func findings(c result.Cell) string {
	var text strings.Builder
	for _, f := range c.Findings {
		text.WriteString(f.In(c.JournalFile) + "\n")
	}
	return text.String()
}

func output(c result.Cell) string {
	var text string
	for _, n := range c.Notes {
		text += "Note: " + n + "\n"
	}
	for _, n := range c.NotShown {
		text += "Not proven by this run: " + n + "\n"
	}
	return text
}

func runProperties(r result.Result) []property {
	return withValues([]property{
		{"run", r.RunID}, {"verdict", string(r.Verdict)}, {"reason", r.Reason},
		{"tool.version", r.Tool.Version}, {"tool.commit", r.Tool.Commit}, {"tool.image", r.Tool.Image},
		{"cluster.uid", string(r.Cluster.UID)}, {"cluster.version", r.Cluster.Version}, {"notRemoved", r.NotRemoved},
	})
}

func cellProperties(c result.Cell) []property {
	all := []property{
		{"storageClass", c.Spec.StorageClass}, {"accessMode", string(c.Spec.AccessMode)},
		{"volumeMode", string(c.Spec.VolumeMode)}, {"readerNode", string(c.Spec.ReaderNode)},
		{"verdict", string(c.Verdict)}, {"evidenceLevel", c.Provenance.Level.String()},
	}
	if c.Claim != nil {
		all = append(all, property{"claim", c.Claim.Name}, property{"provisioner", c.Claim.Provisioner},
			property{"volumeHandle", c.Claim.Handle})
	}
	if len(c.Epochs) > 0 {
		all = append(all, property{"acknowledged", strconv.FormatUint(ledger.CountRecords(c.Acks), 10)},
			property{"deletions", strconv.Itoa(c.Deletions())})
	}
	if c.Reader != nil {
		j := c.Reader.Judgement
		unverifiable := min(j.Superseded+j.Removed, j.Intact)
		all = append(all, property{"intact", strconv.FormatUint(j.Intact-unverifiable, 10)})
		if j.Superseded > 0 {
			all = append(all, property{"superseded", strconv.FormatUint(j.Superseded, 10)})
		}
		if j.Removed > 0 {
			all = append(all, property{"removed", strconv.FormatUint(j.Removed, 10)})
		}
	}
	if slowest := c.SlowestRecovery(); slowest > 0 {
		all = append(all, property{"slowestRecoverySeconds", seconds(slowest)})
	}
	if l := c.Latency; l != nil {
		all = append(all, property{"commitP50Microseconds", microseconds(l.P50)},
			property{"commitP99Microseconds", microseconds(l.P99)})
	}
	for i, p := range all {
		all[i].Name = c.DisplayName() + "." + p.Name
	}
	return withValues(all)
}

// withValues returns the properties that have a value.
func withValues(all []property) []property {
	var some []property
	for _, p := range all {
		if p.Value != "" {
			some = append(some, p)
		}
	}
	return some
}

// duration returns the time from the creation of a cell's first pod to its last known event.
func duration(c result.Cell) time.Duration {
	if len(c.Epochs) == 0 {
		return 0
	}
	first, last := c.Epochs[0].CreatedAt, c.Epochs[len(c.Epochs)-1].DeletedAt
	if c.Reader != nil {
		last = c.Reader.ReceivedAt
	}
	if first.IsZero() || last.Before(first) {
		return 0
	}
	return last.Sub(first)
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
