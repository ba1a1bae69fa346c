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

// The values that litmus-go accepts. It compares them case-sensitively.
var (
	probeModes     = []string{"SOT", "EOT", "Edge", "Continuous", "OnChaos"}
	probeTypes     = []string{"cmdProbe", "httpProbe", "k8sProbe", "promProbe"}
	k8sOperations  = []string{"create", "delete", "present", "absent"}
	comparedTypes  = []string{"int", "float", "string"}
	numberCriteria = []string{">=", "<=", ">", "<", "==", "!=", "oneOf", "OneOf", "between", "Between"}
	listCriteria   = []string{"oneOf", "OneOf", "between", "Between"}
	stringCriteria = []string{"equal", "Equal", "notEqual", "NotEqual", "contains", "Contains",
		"matches", "Matches", "notMatches", "NotMatches", "oneOf", "OneOf"}
)

// checkProbes returns all mistakes in an engine's probes. litmus-go ignores some mistakes, so that the probe passes
// without a check. Others make it panic, and the rest it reports only during the chaos.
func checkProbes(probes []v1alpha1.ProbeAttributes) error {
	var all []error
	names := map[string]bool{}
	for _, p := range probes {
		c := probeValidator{name: p.Name, background: backgroundProbes(probes)}
		if p.Name == "" || names[p.Name] {
			c.reject("name", p.Name, "a unique name")
		}
		names[p.Name] = true
		c.oneOf("mode", p.Mode, probeModes)
		c.oneOf("type", p.Type, probeTypes)
		c.inputs(p)
		c.runProperties(p.RunProperties)
		all = append(all, c.mistakes...)
	}
	return errors.Join(all...)
}

// probeValidator collects the mistakes in one probe.
type probeValidator struct {
	name string
	// background are the names of the probes that run in the background.
	background []string
	mistakes   []error
}

// backgroundProbes returns the names of the probes that run in the background, at the same time as others.
func backgroundProbes(probes []v1alpha1.ProbeAttributes) (names []string) {
	for _, p := range probes {
		if isBackground(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

func (c *probeValidator) reject(field, value, want string) {
	c.mistakes = append(c.mistakes, fmt.Errorf("probe %q: %s=%q: want %s", c.name, field, value, want))
}

func (c *probeValidator) oneOf(field, value string, accepted []string) {
	if !slices.Contains(accepted, value) {
		last := len(accepted) - 1
		c.reject(field, value, strings.Join(accepted[:last], ", ")+" or "+accepted[last])
	}
}

// inputs checks the inputs of the probe's type.
func (c *probeValidator) inputs(p v1alpha1.ProbeAttributes) {
	given := map[string]bool{
		"cmdProbe": p.CmdProbeInputs != nil, "httpProbe": p.HTTPProbeInputs != nil,
		"k8sProbe": p.K8sProbeInputs != nil, "promProbe": p.PromProbeInputs != nil,
	}
	present, known := given[p.Type]
	switch {
	case !known:
	case !present:
		c.reject(p.Type+"/inputs", "", "the inputs of a probe of this type")
	case p.Type == "cmdProbe":
		c.template("command", p.CmdProbeInputs.Command)
		c.comparator(p.CmdProbeInputs.Comparator)
	case p.Type == "k8sProbe":
		c.k8s(p.K8sProbeInputs)
	case p.Type == "httpProbe":
		c.template("url", p.HTTPProbeInputs.URL)
		if p.HTTPProbeInputs.Method.Get == nil {
			// litmus-go has code for post, but runs every probe as a get.
			c.reject("method.get", "", "get, which is the only method that this version of Litmus supports")
		}
	}
}

func (c *probeValidator) k8s(in *v1alpha1.K8sProbeInputs) {
	c.oneOf("operation", strings.ToLower(in.Operation), k8sOperations)
	c.template("fieldSelector", in.FieldSelector)
	c.template("labelSelector", in.LabelSelector)
	c.template("resourceNames", in.ResourceNames)
}

// template checks a template, which litmus-go executes with the output of other probes. The output of a background
// probe is not available (see runPhase), and litmus-go would insert nothing for it.
func (c *probeValidator) template(field, text string) {
	if _, err := template.New(field).Parse(text); err != nil {
		c.reject(field, text, fmt.Sprintf("a valid Go template: %v", err))
	}
	for _, action := range templateActions.FindAllString(text, -1) {
		for _, operand := range templateNames.FindAllString(action, -1) {
			if name := strings.Trim(operand, ".\"`"); slices.Contains(c.background, name) {
				c.reject(field, text,
					"the output of a probe of mode SOT or Edge: "+name+" runs at the same time as others")
			}
		}
	}
}

// templateActions matches the actions of a template. templateNames matches the fields and strings in an action, which
// may be names of probes.
var (
	templateActions = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	templateNames   = regexp.MustCompile("\\.[A-Za-z0-9_]+|\"[^\"]*\"|`[^`]*`")
)

func (c *probeValidator) comparator(in v1alpha1.ComparatorInfo) {
	kind := strings.ToLower(in.Type)
	c.oneOf("comparator.type", kind, comparedTypes)
	switch kind {
	case "int", "float":
		c.oneOf("comparator.criteria", in.Criteria, numberCriteria)
		c.numbers(kind, in.Value)
	case "string":
		c.oneOf("comparator.criteria", in.Criteria, stringCriteria)
	}
	if strings.Contains(in.Value, ",") && !slices.Contains(listCriteria, in.Criteria) {
		c.reject("comparator.value", in.Value,
			"a value without a comma: Litmus splits the value at commas, and then compares with nothing or with 0")
	}
}

// numbers checks one number, or several separated by commas. litmus-go reads an invalid number as 0.
func (c *probeValidator) numbers(kind, value string) {
	for number := range strings.SplitSeq(strings.TrimSpace(value), ",") {
		_, err := strconv.ParseFloat(number, 64)
		if kind == "int" {
			_, err = strconv.Atoi(number)
		}
		if err != nil {
			c.reject("comparator.value", value, "numbers of type "+kind)
			return
		}
	}
}

func (c *probeValidator) runProperties(in v1alpha1.RunProperty) {
	for _, d := range []struct{ field, value string }{
		{"probeTimeout", in.ProbeTimeout}, {"interval", in.Interval}, {"probePollingInterval", in.ProbePollingInterval},
		{"initialDelay", in.InitialDelay}, {"evaluationTimeout", in.EvaluationTimeout},
	} {
		if d.value == "" {
			continue
		}
		if _, err := time.ParseDuration(d.value); err != nil {
			c.reject("runProperties."+d.field, d.value, "a number with a unit, such as 5s")
		}
	}
}
