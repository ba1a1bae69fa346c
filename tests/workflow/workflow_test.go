// Package workflow checks the workflow of the ChaosHub against Argo's own types. It is a
// separate module, so that Argo does not become a dependency of the product. It needs no
// cluster.
package workflow

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// fault is the name of the chart and of its fault.
const fault = "volume-durability"

// buildWorkflow builds a hub, as make hub does, and returns its workflow, decoded strictly,
// and its fault.
func buildWorkflow(t *testing.T) (w v1alpha1.Workflow, faultYAML string) {
	t.Helper()
	hub := filepath.Join(t.TempDir(), "hub")
	build := exec.CommandContext(t.Context(), "go", "run", "./charts/hub", "-tree", hub, "-zip", hub+".zip")
	build.Dir = "../.."
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	content, err := os.ReadFile(filepath.Join(hub, "experiments", fault, "experiment.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(content, &w))
	content, err = os.ReadFile(filepath.Join(hub, "faults", "kubernetes", fault, "fault.yaml"))
	require.NoError(t, err)
	return w, string(content)
}

func TestWorkflow_HasATemplateForEveryStep(t *testing.T) {
	w, faultYAML := buildWorkflow(t)
	entry := w.GetTemplateByName(w.Spec.Entrypoint)
	require.NotNil(t, entry)
	var steps []string
	for _, parallel := range entry.Steps {
		for _, step := range parallel.Steps {
			steps = append(steps, step.Template)
			template := w.GetTemplateByName(step.Template)
			require.NotNil(t, template, step.Template)
			for _, artifact := range template.Inputs.Artifacts {
				args := strings.Join(template.Container.Args, " ")
				assert.Contains(t, args, artifact.Path, "%s uses its artifact", step.Template)
			}
		}
	}
	want := []string{"install-chaos-faults", fault, "cleanup-chaos-resources"}
	assert.Equal(t, want, steps, "the names that chaos center uses")
	installed := w.GetTemplateByName("install-chaos-faults").Inputs.Artifacts[0].Raw.Data
	assert.Equal(t, faultYAML, installed, "it installs the hub's fault")
}

// Chaos center uses the weight of the fault whose name is a part of the engine's name.
func TestWorkflow_EngineHasAWeight(t *testing.T) {
	w, _ := buildWorkflow(t)
	template := w.GetTemplateByName(fault)
	require.NotNil(t, template)
	var engine unstructured.Unstructured
	require.NoError(t, yaml.UnmarshalStrict([]byte(template.Inputs.Artifacts[0].Raw.Data), &engine.Object))
	weight, err := strconv.Atoi(template.Metadata.Labels["weight"])
	require.NoError(t, err)
	assert.Positive(t, weight)
	assert.Contains(t, engine.GetGenerateName(), fault)
	assert.Empty(t, engine.GetName())
	probes := engine.GetAnnotations()["probeRef"]
	assert.JSONEq(t, "[]", probes, "chaos center rejects an engine without this annotation")
	cleanUp := strings.Join(w.GetTemplateByName("cleanup-chaos-resources").Container.Args, " ")
	selector := "-l workflow_run_id=" + engine.GetLabels()["workflow_run_id"] + " "
	assert.Contains(t, cleanUp, selector, "it removes its engine")
}

// The chart's service account has rights only in the engine's namespace.
func TestWorkflow_RunsInTheNamespaceOfItsEngine(t *testing.T) {
	w, _ := buildWorkflow(t)
	var engine struct {
		Metadata struct{ Namespace string }
		Spec     struct {
			Experiments []struct {
				Name string
				Spec struct {
					Components struct{ Env []corev1.EnvVar }
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(w.GetTemplateByName(fault).Inputs.Artifacts[0].Raw.Data), &engine))
	require.Len(t, engine.Spec.Experiments, 1)
	assert.Equal(t, fault, engine.Spec.Experiments[0].Name)
	assert.Equal(t, "{{workflow.parameters.adminModeNamespace}}", engine.Metadata.Namespace)
	workload := corev1.EnvVar{Name: "WORKLOAD_NAMESPACE", Value: engine.Metadata.Namespace}
	assert.Contains(t, engine.Spec.Experiments[0].Spec.Components.Env, workload)
}
