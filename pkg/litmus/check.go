package litmus

import (
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
)

// What litmus-go knows, in its spelling.
var (
	probeModes    = []string{"SOT", "EOT", "Edge", "Continuous", "OnChaos"}
	probeTypes    = []string{"cmdProbe", "httpProbe", "k8sProbe", "promProbe"}
	k8sOperations = []string{"create", "delete", "present", "absent"}
	compared      = []string{"int", "float", "string"}
	numberWords   = []string{">=", "<=", ">", "<", "==", "!=", "oneOf", "OneOf", "between", "Between"}
	listWords     = []string{"oneOf", "OneOf", "between", "Between"}
	stringWords   = []string{"equal", "Equal", "notEqual", "NotEqual", "contains", "Contains", "matches", "Matches", "notMatches", "NotMatches", "oneOf", "OneOf"}
)

// checkProbes returns everything that is wrong with an engine's probes. litmus-go
// passes over some of it in silence, as if the probe had passed, and panics at
// some; the rest it finds when the chaos is under way.
func checkProbes(probes []v1alpha1.ProbeAttributes) error {
	var all []error
	known := map[string]bool{}
	for _, p := range probes {
		c := probeCheck{name: p.Name}
		if p.Name == "" || known[p.Name] {
			c.wrong("name", p.Name, "a name that no other probe has")
		}
		known[p.Name] = true
		c.oneOf("mode", p.Mode, probeModes)
		c.oneOf("type", p.Type, probeTypes)
		c.goingOn = goingOn(probes)
		c.inputs(p)
		c.runProperties(p.RunProperties)
		all = append(all, c.mistakes...)
	}
	return errors.Join(all...)
}

// probeCheck collects the mistakes in one probe.
type probeCheck struct {
	name     string
	goingOn  []string
	mistakes []error
}

// goingOn are the names of the probes that are run beside others.
func goingOn(probes []v1alpha1.ProbeAttributes) (names []string) {
	for _, p := range probes {
		if goesOn(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

func (c *probeCheck) wrong(field, value, right string) {
	c.mistakes = append(c.mistakes, fmt.Errorf("probe %q: %s=%q: want %s", c.name, field, value, right))
}

func (c *probeCheck) oneOf(field, value string, right []string) {
	if !slices.Contains(right, value) {
		last := len(right) - 1
		c.wrong(field, value, strings.Join(right[:last], ", ")+" or "+right[last])
	}
}

// inputs checks what belongs to the probe's type.
func (c *probeCheck) inputs(p v1alpha1.ProbeAttributes) {
	given := map[string]bool{
		"cmdProbe": p.CmdProbeInputs != nil, "httpProbe": p.HTTPProbeInputs != nil,
		"k8sProbe": p.K8sProbeInputs != nil, "promProbe": p.PromProbeInputs != nil,
	}
	is, known := given[p.Type]
	switch {
	case !known:
	case !is:
		c.wrong(p.Type+"/inputs", "", "the inputs of a probe of this type")
	case p.Type == "cmdProbe":
		c.template("command", p.CmdProbeInputs.Command)
		c.comparator(p.CmdProbeInputs.Comparator)
	case p.Type == "k8sProbe":
		c.k8s(p.K8sProbeInputs)
	case p.Type == "httpProbe":
		c.template("url", p.HTTPProbeInputs.URL)
		if p.HTTPProbeInputs.Method.Get == nil {
			// litmus-go means to know post, but takes every probe for a get.
			c.wrong("method.get", "", "get: this version of Litmus can do nothing else")
		}
	}
}

func (c *probeCheck) k8s(in *v1alpha1.K8sProbeInputs) {
	c.oneOf("operation", strings.ToLower(in.Operation), k8sOperations)
	c.template("fieldSelector", in.FieldSelector)
	c.template("labelSelector", in.LabelSelector)
	c.template("resourceNames", in.ResourceNames)
}

// template checks what litmus-go fills in with what other probes have printed. It fills
// in nothing for a probe that is not known, or that goes on.
func (c *probeCheck) template(field, text string) {
	if _, err := template.New(field).Parse(text); err != nil {
		c.wrong(field, text, fmt.Sprintf("a template of Go: %v", err))
	}
	for _, action := range actions.FindAllString(text, -1) {
		for _, name := range names.FindAllString(action, -1) {
			if slices.Contains(c.goingOn, strings.Trim(name, ".\"`")) {
				c.wrong(field, text, "what a probe of mode SOT or Edge has printed: "+strings.Trim(name, ".\"`")+" goes on while others run")
			}
		}
	}
}

// actions are what a template fills in, and names what in them may name a probe: as a
// field, or as a word.
var (
	actions = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	names   = regexp.MustCompile("\\.[A-Za-z0-9_]+|\"[^\"]*\"|`[^`]*`")
)

func (c *probeCheck) comparator(in v1alpha1.ComparatorInfo) {
	kind := strings.ToLower(in.Type)
	c.oneOf("comparator.type", kind, compared)
	switch kind {
	case "int", "float":
		c.oneOf("comparator.criteria", in.Criteria, numberWords)
		c.numbers(kind, in.Value)
	case "string":
		c.oneOf("comparator.criteria", in.Criteria, stringWords)
	}
	if strings.Contains(in.Value, ",") && !slices.Contains(listWords, in.Criteria) {
		c.wrong("comparator.value", in.Value, "no comma: with one, Litmus compares with nothing, or with zero")
	}
}

// numbers checks one number or several. litmus-go takes what is none for zero.
func (c *probeCheck) numbers(kind, value string) {
	for number := range strings.SplitSeq(strings.TrimSpace(value), ",") {
		_, err := strconv.ParseFloat(number, 64)
		if kind == "int" {
			_, err = strconv.Atoi(number)
		}
		if err != nil {
			c.wrong("comparator.value", value, "numbers of type "+kind)
			return
		}
	}
}

func (c *probeCheck) runProperties(in v1alpha1.RunProperty) {
	for _, d := range []struct{ field, value string }{
		{"probeTimeout", in.ProbeTimeout}, {"interval", in.Interval}, {"probePollingInterval", in.ProbePollingInterval},
		{"initialDelay", in.InitialDelay}, {"evaluationTimeout", in.EvaluationTimeout},
	} {
		if d.value == "" {
			continue
		}
		if _, err := time.ParseDuration(d.value); err != nil {
			c.wrong("runProperties."+d.field, d.value, "a number with a unit, such as 5s")
		}
	}
}
