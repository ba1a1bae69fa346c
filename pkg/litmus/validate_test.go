package litmus

import (
	"strings"
	"testing"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// validProbes returns a probe of each type and of each mode.
func validProbes() []v1alpha1.ProbeAttributes {
	times := v1alpha1.RunProperty{ProbeTimeout: "5s", Interval: "1s", Attempt: 1}
	number := v1alpha1.ComparatorInfo{Type: "int", Criteria: ">=", Value: "1"}
	return []v1alpha1.ProbeAttributes{
		{Name: "command", Type: "cmdProbe", Mode: "SOT", RunProperties: times, CmdProbeInputs: &v1alpha1.CmdProbeInputs{
			Command: "echo {{ .other.ProbeArtifacts.Register }}", Comparator: v1alpha1.ComparatorInfo{Type: "string", Criteria: "oneOf", Value: "a,b"},
		}},
		{Name: "number", Type: "cmdProbe", Mode: "Edge", RunProperties: times, CmdProbeInputs: &v1alpha1.CmdProbeInputs{Command: "echo 1", Comparator: number}},
		{Name: "http", Type: "httpProbe", Mode: "Continuous", RunProperties: times, HTTPProbeInputs: &v1alpha1.HTTPProbeInputs{
			URL: "http://here", Method: v1alpha1.HTTPMethod{Get: &v1alpha1.GetMethod{Criteria: "==", ResponseCode: "200"}},
		}},
		{Name: "kubernetes", Type: "k8sProbe", Mode: "OnChaos", RunProperties: times, K8sProbeInputs: &v1alpha1.K8sProbeInputs{
			Version: "v1", Resource: "pods", Operation: "present",
		}},
		{Name: "prometheus", Type: "promProbe", Mode: "EOT", RunProperties: times, PromProbeInputs: &v1alpha1.PromProbeInputs{
			Endpoint: "http://here", Query: "up", Comparator: number,
		}},
	}
}

func TestCheckProbes_AcceptsValidProbes(t *testing.T) {
	require.NoError(t, checkProbes(validProbes()))
}

func TestCheckProbes_NamesEveryMistake(t *testing.T) {
	for want, change := range map[string]func(p []v1alpha1.ProbeAttributes){
		`probe "command": mode="eot": want SOT, EOT, Edge, Continuous or OnChaos`:        func(p []v1alpha1.ProbeAttributes) { p[0].Mode = "eot" },
		`probe "command": mode="": want SOT, `:                                           func(p []v1alpha1.ProbeAttributes) { p[0].Mode = "" },
		`probe "http": type="cmdprobe": want cmdProbe, httpProbe, k8sProbe or promProbe`: func(p []v1alpha1.ProbeAttributes) { p[2].Type = "cmdprobe" },
		`probe "http": type="sloProbe": want cmdProbe, `:                                 func(p []v1alpha1.ProbeAttributes) { p[2].Type = "sloProbe" },
		`probe "": name="": want a unique name`:                                          func(p []v1alpha1.ProbeAttributes) { p[0].Name = "" },
		`probe "command": name="command": want a unique name`:                            func(p []v1alpha1.ProbeAttributes) { p[1].Name = "command" },
		`probe "number": command="echo {{ .http.ProbeArtifacts.Register }}": want the output of a probe of mode SOT or Edge: http runs at the same time as others`: func(p []v1alpha1.ProbeAttributes) {
			p[1].CmdProbeInputs.Command = "echo {{ .http.ProbeArtifacts.Register }}"
		},
		`probe "kubernetes": labelSelector="app={{ (index . \"http\").ProbeArtifacts.Register }}": want the output of a probe`: func(p []v1alpha1.ProbeAttributes) {
			p[3].K8sProbeInputs.LabelSelector = `app={{ (index . "http").ProbeArtifacts.Register }}`
		},
		`probe "http": url="http://{{ .kubernetes.ProbeArtifacts.Register }}": want the output of a probe`: func(p []v1alpha1.ProbeAttributes) {
			p[2].HTTPProbeInputs.URL = "http://{{ .kubernetes.ProbeArtifacts.Register }}"
		},
		`probe "number": cmdProbe/inputs="": want the inputs of a probe of this type`:     func(p []v1alpha1.ProbeAttributes) { p[1].CmdProbeInputs = nil },
		`probe "http": httpProbe/inputs="": want the inputs`:                              func(p []v1alpha1.ProbeAttributes) { p[2].HTTPProbeInputs = nil },
		`probe "http": method.get="": want get`:                                           func(p []v1alpha1.ProbeAttributes) { p[2].HTTPProbeInputs.Method.Get = nil },
		`probe "kubernetes": k8sProbe/inputs="": want the inputs`:                         func(p []v1alpha1.ProbeAttributes) { p[3].K8sProbeInputs = nil },
		`probe "kubernetes": operation="exists": want create, delete, present or absent`:  func(p []v1alpha1.ProbeAttributes) { p[3].K8sProbeInputs.Operation = "exists" },
		`probe "kubernetes": labelSelector="{{": want a valid Go template: `:              func(p []v1alpha1.ProbeAttributes) { p[3].K8sProbeInputs.LabelSelector = "{{" },
		`probe "prometheus": promProbe/inputs="": want the inputs`:                        func(p []v1alpha1.ProbeAttributes) { p[4].PromProbeInputs = nil },
		`probe "command": command="echo {{ .a-b.Register }}": want a valid Go template: `: func(p []v1alpha1.ProbeAttributes) { p[0].CmdProbeInputs.Command = "echo {{ .a-b.Register }}" },
		`probe "command": comparator.type="text": want int, float or string`:              func(p []v1alpha1.ProbeAttributes) { p[0].CmdProbeInputs.Comparator.Type = "text" },
		`probe "command": comparator.criteria="==": want equal, Equal, notEqual, `: func(p []v1alpha1.ProbeAttributes) {
			p[0].CmdProbeInputs.Comparator = v1alpha1.ComparatorInfo{Type: "string", Criteria: "==", Value: "a"}
		},
		`probe "command": comparator.value="a,b": want a value without a comma`:             func(p []v1alpha1.ProbeAttributes) { p[0].CmdProbeInputs.Comparator.Criteria = "contains" },
		`probe "number": comparator.criteria="equal": want >=, `:                            func(p []v1alpha1.ProbeAttributes) { p[1].CmdProbeInputs.Comparator.Criteria = "equal" },
		`probe "number": comparator.value="kept": want numbers of type int`:                 func(p []v1alpha1.ProbeAttributes) { p[1].CmdProbeInputs.Comparator.Value = "kept" },
		`probe "number": comparator.value="1,2": want a value without a comma`:              func(p []v1alpha1.ProbeAttributes) { p[1].CmdProbeInputs.Comparator.Value = "1,2" },
		`probe "number": comparator.value="1.5": want numbers of type int`:                  func(p []v1alpha1.ProbeAttributes) { p[1].CmdProbeInputs.Comparator.Value = "1.5" },
		`probe "number": runProperties.probeTimeout="5": want a number with a unit`:         func(p []v1alpha1.ProbeAttributes) { p[1].RunProperties.ProbeTimeout = "5" },
		`probe "number": runProperties.interval="soon": want a number with a unit`:          func(p []v1alpha1.ProbeAttributes) { p[1].RunProperties.Interval = "soon" },
		`probe "number": runProperties.probePollingInterval="1": want a number with a unit`: func(p []v1alpha1.ProbeAttributes) { p[1].RunProperties.ProbePollingInterval = "1" },
		`probe "number": runProperties.initialDelay="1": want a number with a unit`:         func(p []v1alpha1.ProbeAttributes) { p[1].RunProperties.InitialDelay = "1" },
		`probe "number": runProperties.evaluationTimeout="1": want a number with a unit`:    func(p []v1alpha1.ProbeAttributes) { p[1].RunProperties.EvaluationTimeout = "1" },
	} {
		probes := validProbes()
		change(probes)
		err := checkProbes(probes)
		if assert.ErrorContains(t, err, want) {
			assert.Len(t, strings.Split(err.Error(), "\n"), 1, "there must be no other mistake: %v", err)
		}
	}
}

func TestCheckProbes_ReturnsAllMistakes(t *testing.T) {
	probes := validProbes()
	probes[0].Mode, probes[1].Type, probes[4].RunProperties.Interval = "sot", "command", "1"
	err := checkProbes(probes)
	for _, want := range []string{`mode="sot"`, `type="command"`, `runProperties.interval="1"`} {
		assert.ErrorContains(t, err, want)
	}
}
