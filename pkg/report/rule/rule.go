// Package rule has the rules of security guides against which a result can be assessed. They are data in rules.yaml.
package rule

import (
	_ "embed"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// Default is the rule whose check a run with the default options in the namespace stig follows step by step.
const Default = "V-260932"

// Benchmark is a guide: a STIG or an SRG, in one revision.
type Benchmark struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Version string `json:"version"`
	// ReleaseInfo is the release and its date, in DISA's form.
	ReleaseInfo string `json:"releaseInfo"`
	// RuleCount is the number of rules in the guide; 0 if unknown.
	RuleCount  int    `json:"ruleCount,omitempty"`
	Target     string `json:"target"`
	TargetKey  string `json:"targetKey,omitempty"`
	ContentRef Ref    `json:"contentRef,omitzero"`
}

// Ref is the location of a text in DISA's files.
type Ref struct {
	HRef string `json:"href"`
	Name string `json:"name"`
}

// Rule is one rule of a benchmark. Unknown fields are empty.
type Rule struct {
	Benchmark Benchmark `json:"-"`

	// GroupID is the Vuln ID, such as V-260932. Assessors use it as the name of the rule.
	GroupID    string   `json:"groupID"`
	GroupTitle string   `json:"groupTitle,omitempty"`
	ID         string   `json:"id"`
	Version    string   `json:"version"`
	Title      string   `json:"title"`
	Severity   string   `json:"severity"`
	Weight     string   `json:"weight,omitempty"`
	CCIs       []string `json:"ccis,omitempty"`
	// Controls are the NIST SP 800-53 controls of the CCIs.
	Controls []string `json:"controls,omitempty"`
	// Criterion is the deciding sentence of the check.
	Criterion string `json:"criterion,omitempty"`
	// SwarmExemption is the sentence that exempts Swarm from the check; empty if there is none.
	SwarmExemption string `json:"swarmExemption,omitempty"`
	CheckID        string `json:"checkID,omitempty"`
	FixID          string `json:"fixID,omitempty"`
	FixText        string `json:"fixText,omitempty"`
}

//go:embed rules.yaml
var file []byte

// All returns every rule, in the file's order.
func All() ([]Rule, error) {
	var benchmarks []struct {
		Benchmark `json:",inline"`
		Entries   []Rule `json:"entries"`
	}
	if err := yaml.UnmarshalStrict(file, &benchmarks); err != nil {
		return nil, fmt.Errorf("reading rules.yaml: %w", err)
	}
	var all []Rule
	for _, b := range benchmarks {
		for _, r := range b.Entries {
			r.Benchmark = b.Benchmark
			all = append(all, r)
		}
	}
	return all, nil
}

// Find returns the rule with a group ID.
func Find(groupID string) (Rule, error) {
	all, err := All()
	if err != nil {
		return Rule{}, err
	}
	var known []string
	for _, r := range all {
		if r.GroupID == groupID {
			return r, nil
		}
		known = append(known, r.GroupID)
	}
	return Rule{}, fmt.Errorf("unknown rule %q: want one of %s", groupID, strings.Join(known, ", "))
}

// Excerpt returns the quoted sentences of the check, marked as an excerpt; empty if there are none.
func (r Rule) Excerpt() string {
	var parts []string
	for _, s := range []string{r.SwarmExemption, r.Criterion} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " [...] ") + " [Excerpt; see the full text in " + r.Benchmark.ID + "]"
}

// Reference returns the benchmark's title and revision in the form of checklists.
func (b Benchmark) Reference() string {
	return fmt.Sprintf("%s :: Version %s, %s", b.Title, b.Version, b.ReleaseInfo)
}
