// Package workflow holds the hub's ready-made experiment to Argo's own types. It is
// a module of its own: nothing of Argo's reaches the product's. It knows nothing of
// how the workflow is made, and no cluster.
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

// fault is the name of the chart.
const fault = "volume-durability"

// workflow is what make hub makes, read strictly, and the fault of the same hub.
func workflow(t *testing.T) (w v1alpha1.Workflow, faultYAML string) {
	t.Helper()
	hub := filepath.Join(t.TempDir(), "hub")
	lay := exec.CommandContext(t.Context(), "go", "run", "./charts/hub", "-tree", hub, "-zip", hub+".zip")
	lay.Dir = "../.."
	output, err := lay.CombinedOutput()
	require.NoError(t, err, string(output))
	content, err := os.ReadFile(filepath.Join(hub, "experiments", fault, "experiment.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(content, &w))
	content, err = os.ReadFile(filepath.Join(hub, "faults", "kubernetes", fault, "fault.yaml"))
	require.NoError(t, err)
	return w, string(content)
}

func TestEveryStepOfTheWorkflowIsThere(t *testing.T) {
	w, faultYAML := workflow(t)
	entry := w.GetTemplateByName(w.Spec.Entrypoint)
	require.NotNil(t, entry)
	var steps []string
	for _, parallel := range entry.Steps {
		for _, step := range parallel.Steps {
			steps = append(steps, step.Template)
			template := w.GetTemplateByName(step.Template)
			require.NotNil(t, template, step.Template)
			for _, artifact := range template.Inputs.Artifacts {
				assert.Contains(t, strings.Join(template.Container.Args, " "), artifact.Path, "%s uses what it is given", step.Template)
			}
		}
	}
	assert.Equal(t, []string{"install-chaos-faults", fault, "cleanup-chaos-resources"}, steps, "as chaos center calls them")
	assert.Equal(t, faultYAML, w.GetTemplateByName("install-chaos-faults").Inputs.Artifacts[0].Raw.Data, "what it installs is the hub's fault")
}

// Chaos center finds a weight by whether the engine's name contains the fault's.
func TestTheWorkflowsEngineIsWeighed(t *testing.T) {
	w, _ := workflow(t)
	template := w.GetTemplateByName(fault)
	require.NotNil(t, template)
	var engine unstructured.Unstructured
	require.NoError(t, yaml.UnmarshalStrict([]byte(template.Inputs.Artifacts[0].Raw.Data), &engine.Object))
	weight, err := strconv.Atoi(template.Metadata.Labels["weight"])
	require.NoError(t, err)
	assert.Positive(t, weight)
	assert.Contains(t, engine.GetGenerateName(), fault)
	assert.Empty(t, engine.GetName())
	assert.JSONEq(t, "[]", engine.GetAnnotations()["probeRef"], "chaos center refuses an engine that does not say its probes")
	cleanUp := strings.Join(w.GetTemplateByName("cleanup-chaos-resources").Container.Args, " ")
	assert.Contains(t, cleanUp, "-l workflow_run_id="+engine.GetLabels()["workflow_run_id"]+" ", "what it makes it removes")
}

// The chart's service account may work in the engine's namespace and nowhere else.
func TestTheWorkflowWorksWhereItsEngineIs(t *testing.T) {
	w, _ := workflow(t)
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
	assert.Contains(t, engine.Spec.Experiments[0].Spec.Components.Env, corev1.EnvVar{Name: "WORKLOAD_NAMESPACE", Value: engine.Metadata.Namespace})
}
