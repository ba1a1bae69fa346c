// Package rule is the rules of security guides that a run is evidence for, read
// from one file of data (rules.yaml). Another rule is a change of that file.
//
// It knows no result.
package rule

import (
	_ "embed"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// Default is the rule that a run with the default inputs follows step by step.
const Default = "V-260932"

// Benchmark is a guide: a STIG or an SRG, in one revision.
type Benchmark struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Version string `json:"version"`
	// ReleaseInfo is the release and its date, in DISA's form.
	ReleaseInfo string `json:"releaseInfo"`
	// Rules counts those of the whole guide; 0 where that is not known.
	Rules      int    `json:"rules,omitempty"`
	Target     string `json:"target"`
	TargetKey  string `json:"targetKey,omitempty"`
	ContentRef Ref    `json:"contentRef,omitzero"`
}

// Ref is where in DISA's files a text is.
type Ref struct {
	HRef string `json:"href"`
	Name string `json:"name"`
}

// Rule is one rule of a benchmark. What is not known of it is empty.
type Rule struct {
	Benchmark Benchmark `json:"-"`

	// Group is the name that people use, such as V-260932.
	Group      string   `json:"group"`
	GroupTitle string   `json:"groupTitle,omitempty"`
	ID         string   `json:"id"`
	Version    string   `json:"version"`
	Title      string   `json:"title"`
	Severity   string   `json:"severity"`
	Weight     string   `json:"weight,omitempty"`
	CCIs       []string `json:"ccis,omitempty"`
	// Controls are those of NIST SP 800-53 that the CCIs belong to.
	Controls []string `json:"controls,omitempty"`
	// Criterion is the sentence of the check that decides.
	Criterion string `json:"criterion,omitempty"`
	// Swarm is the sentence by which the check does not apply to Swarm; empty where it says no such thing.
	Swarm   string `json:"swarm,omitempty"`
	Check   string `json:"check,omitempty"`
	Fix     string `json:"fix,omitempty"`
	FixText string `json:"fixText,omitempty"`
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
		return nil, fmt.Errorf("the file of rules: %w", err)
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

// Find returns the rule with a group's name.
func Find(group string) (Rule, error) {
	all, err := All()
	if err != nil {
		return Rule{}, err
	}
	var known []string
	for _, r := range all {
		if r.Group == group {
			return r, nil
		}
		known = append(known, r.Group)
	}
	return Rule{}, fmt.Errorf("rule %q is not known: want one of %s", group, strings.Join(known, ", "))
}

// Excerpt is what is quoted of the check's text; empty where nothing is. The marks
// say that it is not the whole.
func (r Rule) Excerpt() string {
	var parts []string
	for _, s := range []string{r.Swarm, r.Criterion} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " [...] ") + " [Excerpt: the whole text is in " + r.Benchmark.ID + "]"
}

// Reference names the benchmark's revision, as checklists do.
func (b Benchmark) Reference() string {
	return fmt.Sprintf("%s :: Version %s, %s", b.Title, b.Version, b.ReleaseInfo)
}
