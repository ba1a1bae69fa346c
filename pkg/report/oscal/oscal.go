// Package oscal renders an assessment as OSCAL assessment results (NIST, version 1.1.3).
//
// The target of an OSCAL finding is satisfied or not satisfied; there is no state for a result that was not
// established. In that case the document has an observation with the reason, and no OSCAL finding. The target is
// the rule, never a security control: the run supports an assessment of the security control but does not prove
// compliance with it.
package oscal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	oscal "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
	"github.com/google/uuid"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Version is the version of OSCAL.
const Version = "1.1.3"

// namespace is that of properties that OSCAL does not define.
const namespace = "https://github.com/volume-durability/volume-durability"

// Render returns the assessment of a result against a rule as OSCAL in JSON.
func Render(r result.Result, to rule.Rule, metadata assessment.Metadata) ([]byte, error) {
	d := document{r, to, assessment.Assess(r, to, metadata), metadata}
	encoded, err := json.MarshalIndent(oscal.OscalModels{AssessmentResults: d.results()}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the OSCAL assessment results of run %s: %w", r.RunID, err)
	}
	return append(encoded, '\n'), nil
}

type document struct {
	result.Result
	to       rule.Rule
	assessed assessment.Assessment
	metadata assessment.Metadata
}

func (d document) results() *oscal.AssessmentResults {
	return &oscal.AssessmentResults{
		UUID: d.id("assessment-results"),
		Metadata: oscal.Metadata{
			Title: "Durability of Kubernetes storage: " + d.to.GroupID, LastModified: d.EndedAt.UTC(),
			Version: cmp.Or(line(d.Tool.Version), "unversioned"), OscalVersion: Version,
		},
		// The rule itself is the assessment plan.
		ImportAp: oscal.ImportAp{Href: "#" + d.id("rule")},
		Results:  []oscal.Result{d.result()},
		BackMatter: &oscal.BackMatter{Resources: &[]oscal.Resource{{
			UUID: d.id("rule"), Title: d.to.GroupID + ": " + d.to.Title, Description: d.to.Benchmark.Reference(),
			Citation: &oscal.Citation{Text: d.to.ID + ", " + d.to.Benchmark.Reference()},
		}}},
	}
}

func (d document) result() oscal.Result {
	ended := d.EndedAt.UTC()
	all := oscal.Result{
		UUID: d.id("result"), Title: "Run " + d.RunID, Description: line(d.assessed.Reason),
		Start: d.StartedAt.UTC(), End: &ended,
		Props:        properties("run", d.RunID, "verdict", string(d.Verdict), "rule", d.to.ID),
		Observations: &[]oscal.Observation{d.observation()},
		ReviewedControls: oscal.ReviewedControls{
			Description:       "The run supports an assessment of these controls. It does not prove compliance with them.",
			ControlSelections: []oscal.AssessedControls{{IncludeControls: d.controls()}},
		},
		LocalDefinitions: &oscal.LocalDefinitions{InventoryItems: &[]oscal.InventoryItem{{
			UUID: d.id("cluster"), Description: assessment.Asset(d.Result, d.metadata),
			Props: properties("cluster-uid", string(d.Cluster.UID),
				"kubernetes-version", d.Cluster.Version, "api-server", d.Cluster.Server),
		}}},
		Remarks: d.assessed.Comments,
	}
	if finding := d.finding(); finding != nil {
		all.Findings = &[]oscal.Finding{*finding}
	}
	return all
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
		UUID: d.id("observation"), Title: "Durability of acknowledged records", Description: d.assessed.Details,
		Methods: []string{"TEST"}, Collected: d.EndedAt.UTC(),
		Props:    properties("criterion", d.assessed.Criterion, "verdict", string(d.Verdict)),
		Subjects: &[]oscal.SubjectReference{{SubjectUuid: d.id("cluster"), Type: "inventory-item"}},
		RelevantEvidence: &[]oscal.RelevantEvidence{
			{Href: "result.json", Description: "The result of the run", Props: properties("sha-256", d.metadata.ResultSHA256)},
			{Href: "ledger.json", Description: "The acknowledgements"},
			{Href: "scan.json", Description: "The scans of the journal"},
		},
	}
}

// finding returns nil if the run does not establish whether the rule is satisfied.
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
		UUID: d.id("finding"), Title: d.to.Title, Description: line(d.assessed.Verification),
		Target: oscal.FindingTarget{
			Type: "objective-id", TargetId: d.to.GroupID, Title: d.to.Title, Status: status,
		},
		RelatedObservations: &[]oscal.RelatedObservation{{ObservationUuid: d.id("observation")}},
	}
}

// id returns a UUID that is unique to an object of a run and always the same for it.
func (d document) id(object string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(namespace+":"+d.RunID+":"+d.to.GroupID+":"+object)).String()
}

// properties returns properties from names followed by values, without empty values; nil if all are empty.
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

// line returns text as one line: OSCAL allows no line breaks in values, and no space at either end.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }
