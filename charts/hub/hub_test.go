package main

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func hub(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := hubFiles("..")
	require.NoError(t, err)
	return files
}

func TestWrite_TreeAndZipHaveSameFiles(t *testing.T) {
	files := hub(t)
	tree, archive := filepath.Join(t.TempDir(), "hub"), filepath.Join(t.TempDir(), "hub.zip")
	require.NoError(t, os.Mkdir(tree, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "old"), nil, 0o600))
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
		assert.True(t, strings.HasPrefix(entry.Name, "mine/"), "%s must be in the hub's folder", entry.Name)
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

// Chaos center builds paths from the names in the ChartServiceVersion of a category.
func TestHubFiles_HavePathsOfTheirFault(t *testing.T) {
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
	assert.NotEmpty(t, files["experiments/"+fault+"/"+fault+".chartserviceversion.yaml"], "chaos center does not show a workflow without it")
}

func TestHubFiles_CopyManifestsOfChart(t *testing.T) {
	files := hub(t)
	for inHub, inChart := range map[string]string{"fault.yaml": "experiment.yaml", "engine.yaml": "engine.yaml"} {
		want, err := os.ReadFile(filepath.Join("..", fault, inChart))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(files["faults/kubernetes/"+fault+"/"+inHub]), inHub)
	}
}
