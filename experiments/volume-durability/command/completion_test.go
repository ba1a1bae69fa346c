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

	"github.com/volume-durability/volume-durability/pkg/bundlestore"
)

// proposed is what the shell offers where the last of the arguments is to be completed.
func proposed(t *testing.T, args ...string) []string {
	t.Helper()
	code, out, _ := execute(t, append([]string{"__complete"}, args...)...)
	require.Equal(t, Kept, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[:len(lines)-1] // the last says what else the shell may offer
}

func TestTheValuesOfAFlagAreProposed(t *testing.T) {
	for typed, want := range map[string][]string{
		"run --reader-node ":   {"any", "same", "other"},
		"run --reader-node s":  {"same"},
		"run --force=":         {"false", "true", "false,true"},
		"run -o ":              {"json", "yaml", "table", "junit"},
		"verify -o ":           {"json", "yaml"},
		"doctor --log-level w": {"warning"},
		"report --form c":      {"ckl", "cklb"},
		"run --claim-name ":    {},
	} {
		assert.Equal(t, want, proposed(t, strings.Split(typed, " ")...), typed)
	}
}

func TestWhatTheClusterHasIsProposed(t *testing.T) {
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	served := map[string]any{
		"/api/v1/namespaces":                     corev1.NamespaceList{Items: []corev1.Namespace{{ObjectMeta: named("stig")}, {ObjectMeta: named("default")}}},
		"/apis/storage.k8s.io/v1/storageclasses": storagev1.StorageClassList{Items: []storagev1.StorageClass{{ObjectMeta: named("fast")}, {ObjectMeta: named("slow")}}},
		"/api/v1/namespaces/stig/configmaps":     corev1.ConfigMapList{Items: []corev1.ConfigMap{{ObjectMeta: named("engine-evidence-1")}}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list, found := served[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		assert.True(t, r.URL.Path != "/api/v1/namespaces/stig/configmaps" || strings.HasPrefix(r.URL.Query().Get("labelSelector"), bundlestore.Label))
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(list))
	}))
	defer server.Close()
	for typed, want := range map[string][]string{
		"run --namespace ":                {"stig", "default"},
		"run -n s":                        {"stig"},
		"run --storage-class ":            {"fast", "slow"},
		"doctor --storage-classes slow,f": {"slow,fast"},
		"report -n stig ":                 {"engine-evidence-1"},
		"report -n stig engine":           {"engine-evidence-1"},
		"report -n other ":                {},
	} {
		program, rest, _ := strings.Cut(typed, " ")
		args := append([]string{program, "--server", server.URL}, strings.Split(rest, " ")...)
		assert.Equal(t, want, proposed(t, args...), typed)
	}
}

// A kubeconfig that is none is nobody's fault who presses a key.
func TestWithoutAClusterNothingIsProposed(t *testing.T) {
	assert.Empty(t, proposed(t, "run", "--kubeconfig", "/none", "--storage-class", ""))
	assert.Empty(t, proposed(t, "run", "--kubeconfig", "/none", "--context", ""))
}
