// Package oscal writes an assessment as OSCAL assessment results (NIST, 1.1.3).
//
// A finding's target in OSCAL is satisfied or it is not: there is no word for what
// could not be told. Then there is no finding, only an observation that says so.
// The target is the rule, never the control: the run supports what is said of the
// control, and does not satisfy it.
package oscal

import (
	"encoding/json"
	"fmt"
	"strings"

	oscal "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
	"github.com/google/uuid"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Version is that of OSCAL.
const Version = "1.1.3"

// namespace is that of the properties which are not OSCAL's own.
const namespace = "https://github.com/volume-durability/volume-durability"

// Render is the result's assessment of one rule as OSCAL in JSON.
func Render(r result.Result, to rule.Rule, in assessment.Context) ([]byte, error) {
	d := document{r, to, assessment.Of(r, to, in), in}
	encoded, err := json.MarshalIndent(oscal.OscalModels{AssessmentResults: d.results()}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("the OSCAL assessment results of run %s: %w", r.RunID, err)
	}
	return append(encoded, '\n'), nil
}

type document struct {
	result.Result
	to       rule.Rule
	assessed assessment.Assessment
	in       assessment.Context
}

func (d document) results() *oscal.AssessmentResults {
	return &oscal.AssessmentResults{
		UUID: d.id("assessment-results"),
		Metadata: oscal.Metadata{
			Title: "Durability of Kubernetes storage: " + d.to.Group, LastModified: d.Ended.UTC(), Version: or(line(d.Tool.Version), "unversioned"), OscalVersion: Version,
		},
		// There is no plan but the rule itself.
		ImportAp: oscal.ImportAp{Href: "#" + d.id("rule")},
		Results:  []oscal.Result{d.result()},
		BackMatter: &oscal.BackMatter{Resources: &[]oscal.Resource{{
			UUID: d.id("rule"), Title: d.to.Group + ": " + d.to.Title, Description: d.to.Benchmark.Reference(),
			Citation: &oscal.Citation{Text: d.to.ID + ", " + d.to.Benchmark.Reference()},
		}}},
	}
}

func (d document) result() oscal.Result {
	ended := d.Ended.UTC()
	result := oscal.Result{
		UUID: d.id("result"), Title: "Run " + d.RunID, Description: line(d.assessed.Why), Start: d.Started.UTC(), End: &ended,
		Props:        properties("run", d.RunID, "verdict", string(d.Verdict), "rule", d.to.ID),
		Observations: &[]oscal.Observation{d.observation()},
		ReviewedControls: oscal.ReviewedControls{
			Description:       "The run supports what is said of these controls. It does not satisfy them.",
			ControlSelections: []oscal.AssessedControls{{IncludeControls: d.controls()}},
		},
		LocalDefinitions: &oscal.LocalDefinitions{InventoryItems: &[]oscal.InventoryItem{{
			UUID: d.id("cluster"), Description: assessment.Asset(d.Result, d.in),
			Props: properties("cluster-uid", string(d.Cluster.UID), "kubernetes-version", d.Cluster.Version, "api-server", d.Cluster.Server),
		}}},
		Remarks: d.assessed.Comments,
	}
	if finding := d.finding(); finding != nil {
		result.Findings = &[]oscal.Finding{*finding}
	}
	return result
}

func (d document) controls() *[]oscal.AssessedControlsSelectControlById {
	var all []oscal.AssessedControlsSelectControlById
	for _, c := range d.to.Controls {
		all = append(all, oscal.AssessedControlsSelectControlById{ControlId: strings.ToLower(c)})
	}
	return &all
}

func (d document) observation() oscal.Observation {
	return oscal.Observation{
		UUID: d.id("observation"), Title: "What became of what was acknowledged", Description: d.assessed.Details,
		Methods: []string{"TEST"}, Collected: d.Ended.UTC(),
		Props:    properties("criterion", d.assessed.Criterion, "verdict", string(d.Verdict)),
		Subjects: &[]oscal.SubjectReference{{SubjectUuid: d.id("cluster"), Type: "inventory-item"}},
		RelevantEvidence: &[]oscal.RelevantEvidence{
			{Href: "result.json", Description: "The whole result", Props: properties("sha-256", d.in.Sum)},
			{Href: "ledger.json", Description: "What was acknowledged"},
			{Href: "scan.json", Description: "What the pods found"},
		},
	}
}

// finding is nil where the run shows neither that the rule is kept nor that it is not.
func (d document) finding() *oscal.Finding {
	var status oscal.ObjectiveStatus
	switch d.assessed.Status {
	case assessment.NotAFinding:
		status = oscal.ObjectiveStatus{State: "satisfied", Reason: "pass"}
	case assessment.Open:
		status = oscal.ObjectiveStatus{State: "not-satisfied", Reason: "fail"}
	default:
		return nil
	}
	return &oscal.Finding{
		UUID: d.id("finding"), Title: d.to.Title, Description: line(d.assessed.Bytes),
		Target:              oscal.FindingTarget{Type: "objective-id", TargetId: d.to.Group, Title: d.to.Title, Status: status},
		RelatedObservations: &[]oscal.RelatedObservation{{ObservationUuid: d.id("observation")}},
	}
}

// id is a UUID that is another one for each thing in a run, and the same wherever
// the run is written out again.
func (d document) id(thing string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(namespace+":"+d.RunID+":"+d.to.Group+":"+thing)).String()
}

// properties are pairs of a name and a value; nil where no value is known.
func properties(pairs ...string) *[]oscal.Property {
	var all []oscal.Property
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := line(pairs[i+1]); value != "" {
			all = append(all, oscal.Property{Name: pairs[i], Value: value, Ns: namespace})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &all
}

// line is text as one line: values in OSCAL have no line ends, and no space at either end.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
