package main

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func hub(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := lay("..")
	require.NoError(t, err)
	return files
}

func TestTreeAndZipHoldTheSameFiles(t *testing.T) {
	files := hub(t)
	tree, archive := filepath.Join(t.TempDir(), "hub"), filepath.Join(t.TempDir(), "hub.zip")
	require.NoError(t, os.Mkdir(tree, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "of-before"), nil, 0o600))
	require.NoError(t, writeTree(tree, files))
	require.NoError(t, writeZip(archive, "mine", files))
	assert.Equal(t, files, contents(t, os.DirFS(tree)))
	z, err := zip.OpenReader(archive)
	require.NoError(t, err)
	defer z.Close()
	below, err := fs.Sub(z, "mine")
	require.NoError(t, err)
	assert.Equal(t, files, contents(t, below))
	for _, entry := range z.File {
		assert.True(t, strings.HasPrefix(entry.Name, "mine/"), "%s is in the hub's folder", entry.Name)
	}
}

func contents(t *testing.T, files fs.FS) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		all[name], err = io.ReadAll(f)
		return err
	}))
	return all
}

// Chaos center makes paths of the names that it reads in a category.
func TestChaosCenterFindsTheFaultByItsName(t *testing.T) {
	files := hub(t)
	const category = "faults/kubernetes/"
	var listed struct {
		Metadata struct{ Name string }
		Spec     struct {
			Faults []struct{ Name, DisplayName, Description string }
		}
	}
	require.NoError(t, yaml.Unmarshal(files[category+"kubernetes.chartserviceversion.yaml"], &listed))
	assert.Equal(t, "kubernetes", listed.Metadata.Name)
	require.Len(t, listed.Spec.Faults, 1)
	found := listed.Spec.Faults[0]
	assert.NotEmpty(t, found.DisplayName)
	assert.NotEmpty(t, found.Description)
	for _, file := range []string{
		"icons/" + found.Name + ".png", found.Name + "/fault.yaml", found.Name + "/engine.yaml", found.Name + "/" + found.Name + ".chartserviceversion.yaml",
	} {
		assert.NotEmpty(t, files[category+file], file)
	}
	var experiment chaosv1alpha1.ChaosExperiment
	var engine chaosv1alpha1.ChaosEngine
	require.NoError(t, yaml.Unmarshal(files[category+found.Name+"/fault.yaml"], &experiment))
	require.NoError(t, yaml.UnmarshalStrict(files[category+found.Name+"/engine.yaml"], &engine))
	assert.Equal(t, found.Name, experiment.Name)
	assert.Equal(t, found.Name, engine.Spec.Experiments[0].Name)
	assert.NotEmpty(t, files["experiments/"+fault+"/"+fault+".chartserviceversion.yaml"], "a ready-made experiment without it is not shown")
}

func TestTheHubsManifestsAreTheCharts(t *testing.T) {
	files := hub(t)
	for inHub, inChart := range map[string]string{"fault.yaml": "experiment.yaml", "engine.yaml": "engine.yaml"} {
		want, err := os.ReadFile(filepath.Join("..", fault, inChart))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(files["faults/kubernetes/"+fault+"/"+inHub]), inHub)
	}
}

// argo is what we use of Argo's Workflow: a name that is misspelt is in none of it.
// Argo's own types cannot be had as a module here.
type argo struct {
	APIVersion, Kind string
	Metadata         struct{ Name string }
	Spec             struct {
		Entrypoint, ServiceAccountName string
		SecurityContext                struct {
			RunAsUser    int
			RunAsNonRoot bool
		}
		PodGC     struct{ Strategy string }
		Arguments struct {
			Parameters []struct{ Name, Value string }
		}
		Templates []argoTemplate
	}
}

type argoTemplate struct {
	Name   string
	Steps  [][]struct{ Name, Template string }
	Inputs struct {
		Artifacts []struct {
			Name, Path string
			Raw        struct{ Data string }
		}
	}
	Metadata  struct{ Labels map[string]string }
	Container struct {
		Image         string
		Command, Args []string
	}
}

func workflow(t *testing.T) (argo, map[string]argoTemplate) {
	t.Helper()
	var w argo
	require.NoError(t, yaml.UnmarshalStrict(hub(t)["experiments/"+fault+"/experiment.yaml"], &w))
	templates := map[string]argoTemplate{}
	for _, template := range w.Spec.Templates {
		templates[template.Name] = template
	}
	return w, templates
}

func TestEveryStepOfTheWorkflowIsThere(t *testing.T) {
	w, templates := workflow(t)
	entry, there := templates[w.Spec.Entrypoint]
	require.True(t, there)
	var steps []string
	for _, step := range entry.Steps {
		require.Len(t, step, 1)
		steps = append(steps, step[0].Template)
		_, there := templates[step[0].Template]
		assert.True(t, there, step[0].Template)
	}
	assert.Equal(t, []string{"install-chaos-faults", fault, "cleanup-chaos-resources"}, steps)
	for _, name := range steps {
		for _, artifact := range templates[name].Inputs.Artifacts {
			assert.Contains(t, strings.Join(templates[name].Container.Args, " "), artifact.Path, "%s uses what it is given", name)
		}
	}
}

// Chaos center finds a weight by whether the engine's name contains the fault's.
func TestTheWorkflowsEngineIsWeighed(t *testing.T) {
	_, templates := workflow(t)
	var engine chaosv1alpha1.ChaosEngine
	require.NoError(t, yaml.UnmarshalStrict([]byte(templates[fault].Inputs.Artifacts[0].Raw.Data), &engine))
	weight, err := strconv.Atoi(templates[fault].Metadata.Labels["weight"])
	require.NoError(t, err)
	assert.Positive(t, weight)
	assert.Contains(t, engine.GenerateName, fault)
	assert.Empty(t, engine.Name)
	assert.JSONEq(t, "[]", engine.Annotations["probeRef"], "chaos center refuses an engine that does not say its probes")
	cleanUp := strings.Join(templates["cleanup-chaos-resources"].Container.Args, " ")
	assert.Contains(t, cleanUp, "-l workflow_run_id="+engine.Labels["workflow_run_id"]+" ", "what it makes it removes")
	assert.Equal(t, fault, engine.Spec.Experiments[0].Name)
	env := map[string]string{}
	for _, e := range engine.Spec.Experiments[0].Spec.Components.ENV {
		env[e.Name] = e.Value
	}
	assert.Equal(t, engine.Namespace, env["WORKLOAD_NAMESPACE"], "where its service account may work")
	assert.Equal(t, string(hub(t)["faults/kubernetes/"+fault+"/fault.yaml"]), templates["install-chaos-faults"].Inputs.Artifacts[0].Raw.Data)
}
