package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// workflowTemplate is a workflow as chaos center creates it for one fault. Argo replaces the expressions in double
// braces when the workflow runs.
//
//go:embed workflow.yaml.tmpl
var workflowTemplate string

// workflow returns an Argo Workflow that installs the fault, runs its engine and cleans up.
func (c chart) workflow() ([]byte, error) {
	engine, err := c.workflowEngine()
	if err != nil {
		return nil, err
	}
	functions := template.FuncMap{"indent": indent}
	t, err := template.New("workflow").Delims("<<", ">>").Funcs(functions).Parse(workflowTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the workflow's template: %w", err)
	}
	var out bytes.Buffer
	values := map[string]string{"Fault": fault, "Experiment": string(c.experiment), "Engine": string(engine)}
	if err := t.Execute(&out, values); err != nil {
		return nil, fmt.Errorf("filling in the workflow's template: %w", err)
	}
	return out.Bytes(), nil
}

// namespace is the Argo expression for the namespace of chaos center's infrastructure.
const namespace = "{{workflow.parameters.adminModeNamespace}}"

// workflowEngine returns the chart's engine with the changes that chaos center makes: a generated name, whose prefix
// identifies the fault, and a label with which the workflow deletes the engine. The annotation with an empty list of
// probes is required: without it chaos center rejects an engine that has no probes.
func (c chart) workflowEngine() ([]byte, error) {
	var engine unstructured.Unstructured
	if err := yaml.Unmarshal(c.engine, &engine.Object); err != nil {
		return nil, fmt.Errorf("reading the chart's ChaosEngine: %w", err)
	}
	engine.SetName("")
	engine.SetGenerateName(fault)
	engine.SetNamespace(namespace)
	engine.SetLabels(map[string]string{"workflow_run_id": "{{workflow.uid}}"})
	engine.SetAnnotations(map[string]string{"probeRef": "[]"})
	experiments, _, err := unstructured.NestedSlice(engine.Object, "spec", "experiments")
	if err != nil {
		return nil, fmt.Errorf("reading the experiments of the chart's ChaosEngine: %w", err)
	}
	for _, e := range experiments {
		if err := addNamespace(e.(map[string]any)); err != nil {
			return nil, err
		}
	}
	if err := unstructured.SetNestedSlice(engine.Object, experiments, "spec", "experiments"); err != nil {
		return nil, fmt.Errorf("changing the experiments of the chart's ChaosEngine: %w", err)
	}
	return yaml.Marshal(engine.Object)
}

// addNamespace sets WORKLOAD_NAMESPACE of an experiment to the namespace of its engine.
func addNamespace(experiment map[string]any) error {
	path := []string{"spec", "components", "env"}
	env, _, err := unstructured.NestedSlice(experiment, path...)
	if err != nil {
		return fmt.Errorf("reading the env of the chart's ChaosEngine: %w", err)
	}
	env = append(env, map[string]any{"name": "WORKLOAD_NAMESPACE", "value": namespace})
	return unstructured.SetNestedSlice(experiment, env, path...)
}

// indent indents all lines of a text that are not empty.
func indent(by int, text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			out.WriteString(strings.Repeat(" ", by))
		}
		out.WriteString(line)
	}
	return strings.TrimSuffix(out.String(), "\n")
}
