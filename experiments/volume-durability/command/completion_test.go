package command

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
)

// complete returns the values that are proposed for the last argument.
func complete(t *testing.T, args ...string) []string {
	t.Helper()
	code, out, _ := execute(t, append([]string{"__complete"}, args...)...)
	require.Equal(t, terminal.ExitOK, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[:len(lines)-1] // the last line is a directive for the shell
}

func TestCompletion_ValuesOfFlags(t *testing.T) {
	for typed, want := range map[string][]string{
		"run --reader-node ":   {"any", "same", "other"},
		"run --reader-node s":  {"same"},
		"run --force=":         {"false", "true", "false,true"},
		"run -o ":              {"json", "yaml", "table", "junit"},
		"verify -o ":           {"json", "yaml"},
		"doctor --log-level w": {"warning"},
		"report -o c":          {"ckl", "cklb"},
		"run --claim-name ":    {},
	} {
		assert.Equal(t, want, complete(t, strings.Split(typed, " ")...), typed)
	}
}

func TestCompletion_ObjectsOfTheCluster(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	const configMaps = "/api/v1/namespaces/stig/configmaps"
	served := map[string]any{
		"/api/v1/namespaces": corev1.NamespaceList{
			Items: []corev1.Namespace{{ObjectMeta: meta("stig")}, {ObjectMeta: meta("default")}},
		},
		"/apis/storage.k8s.io/v1/storageclasses": storagev1.StorageClassList{
			Items: []storagev1.StorageClass{{ObjectMeta: meta("fast")}, {ObjectMeta: meta("slow")}},
		},
		configMaps: corev1.ConfigMapList{Items: []corev1.ConfigMap{{ObjectMeta: meta("engine-bundle-1")}}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list, found := served[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		selector := r.URL.Query().Get("labelSelector")
		assert.True(t, r.URL.Path != configMaps || strings.HasPrefix(selector, bundlestore.Label))
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(list))
	}))
	defer server.Close()
	for typed, want := range map[string][]string{
		"run --namespace ":                {"stig", "default"},
		"run -n s":                        {"stig"},
		"run --storage-class ":            {"fast", "slow"},
		"doctor --storage-classes slow,f": {"slow,fast"},
		"report -n stig ":                 {"engine-bundle-1"},
		"report -n stig engine":           {"engine-bundle-1"},
		"report -n other ":                {},
	} {
		program, rest, _ := strings.Cut(typed, " ")
		args := append([]string{program, "--server", server.URL}, strings.Split(rest, " ")...)
		assert.Equal(t, want, complete(t, args...), typed)
	}
}

func TestCompletion_IsEmptyWithoutACluster(t *testing.T) {
	assert.Empty(t, complete(t, "run", "--kubeconfig", "/none", "--storage-class", ""))
	assert.Empty(t, complete(t, "run", "--kubeconfig", "/none", "--context", ""))
}
