package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// The API server must accept every published manifest in a dry run: the charts, the hub that
// is generated from them, and the manifests in the hub's workflow.
func TestManifests_AreAcceptedByTheAPIServer(t *testing.T) {
	t.Parallel()
	ns := emptyNamespace(t)
	hub := filepath.Join(t.TempDir(), "hub")
	generate := exec.CommandContext(within(t),
		"go", "run", "../../charts/hub", "-charts", "../../charts", "-tree", hub, "-zip", hub+".zip")
	output, err := generate.CombinedOutput()
	require.NoError(t, err, string(output))
	s := newServer(t, ns)
	accepted := map[string]int{}
	for _, folder := range []string{"../../charts", hub} {
		for _, file := range manifestsIn(t, folder) {
			for _, kind := range s.requireAccepted(t, file) {
				accepted[kind]++
			}
		}
	}
	assert.Equal(t, map[string]int{
		"ServiceAccount": 1, "Role": 1, "RoleBinding": 1, "ClusterRole": 1, "ClusterRoleBinding": 1,
		"StorageClass":    14,                  // in charts/storage
		"ChaosExperiment": 3, "ChaosEngine": 3, // in the chart, the fault and the workflow
	}, accepted)
}

// emptyNamespace creates a namespace without the chart in it.
func emptyNamespace(t *testing.T) *chaosengine.Namespace {
	t.Helper()
	ns := &chaosengine.Namespace{Cluster: connect(t), Name: "e2e-" + rand.String(6)}
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns.Name}}
	_, err := ns.Kube.CoreV1().Namespaces().Create(within(t), object, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Remove(within(t))) })
	return ns
}

func manifestsIn(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(folder, func(file string, _ os.DirEntry, err error) error {
		if filepath.Ext(file) == ".yaml" {
			files = append(files, file)
		}
		return err
	}))
	return files
}

// server sends dry-run requests to the API server.
type server struct {
	namespace string
	client    dynamic.Interface
	mapper    meta.RESTMapper
}

func newServer(t *testing.T, ns *chaosengine.Namespace) server {
	t.Helper()
	client, err := dynamic.NewForConfig(ns.Config)
	require.NoError(t, err)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(ns.Kube.Discovery()))
	return server{ns.Name, client, mapper}
}

// requireAccepted creates every document of a file in a dry run with strict validation, and
// returns their kinds.
func (s server) requireAccepted(t *testing.T, file string) (kinds []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, document := range bytes.Split(content, []byte("\n---\n")) {
		object := parse(t, file, document)
		switch object.GetKind() {
		case "ChartServiceVersion": // ChaosCenter reads it; the API server does not have this kind
			continue
		case "Workflow":
			for _, embedded := range artifacts(t, object, s.namespace) {
				s.dryRun(t, file, embedded)
				kinds = append(kinds, embedded.GetKind())
			}
			continue
		}
		s.dryRun(t, file, object)
		kinds = append(kinds, object.GetKind())
	}
	return kinds
}

func parse(t *testing.T, file string, document []byte) *unstructured.Unstructured {
	t.Helper()
	var object unstructured.Unstructured
	require.NoError(t, yaml.UnmarshalStrict(document, &object.Object), file)
	return &object
}

func (s server) dryRun(t *testing.T, file string, object *unstructured.Unstructured) {
	t.Helper()
	kind := object.GroupVersionKind()
	mapping, err := s.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	require.NoError(t, err, file)
	resource := dynamic.ResourceInterface(s.client.Resource(mapping.Resource))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		object.SetNamespace(s.namespace)
		resource = s.client.Resource(mapping.Resource).Namespace(s.namespace)
	}
	_, err = resource.Create(within(t), object, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	assert.NoError(t, err, "%s of %s", kind.Kind, file)
}

// artifacts returns the manifests in an Argo Workflow, with Argo's variables replaced.
func artifacts(t *testing.T, workflow *unstructured.Unstructured, namespace string) (all []*unstructured.Unstructured) {
	t.Helper()
	variables := strings.NewReplacer("{{workflow.parameters.adminModeNamespace}}", namespace,
		"{{workflow.uid}}", "8f0c5a0e-2c1d-4b5a-9d57-0c7b4a1e2f33")
	templates, _, err := unstructured.NestedSlice(workflow.Object, "spec", "templates")
	require.NoError(t, err)
	for _, template := range templates {
		inputs, _, err := unstructured.NestedSlice(template.(map[string]any), "inputs", "artifacts")
		require.NoError(t, err)
		for _, input := range inputs {
			data, found, err := unstructured.NestedString(input.(map[string]any), "raw", "data")
			require.NoError(t, err)
			require.True(t, found)
			all = append(all, parse(t, "the workflow", []byte(variables.Replace(data))))
		}
	}
	return all
}
