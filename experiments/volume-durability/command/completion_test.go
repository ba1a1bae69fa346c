package command

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/tests/samples"
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
		"run -o ":              {"text", "json", "yaml", "table", "junit"},
		"verify -o ":           {"text", "json", "yaml"},
		"doctor --log-level w": {"warning"},
		"report -o c":          {"ckl", "cklb"},
		"report --rule V-26":   {"V-260932"},
		"run --force=false,":   {"false,true"},
		"run --claim-name ":    {},
	} {
		assert.Equal(t, want, complete(t, strings.Split(typed, " ")...), typed)
	}
}

func TestCompletion_ObjectsOfTheCluster(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	ofRun := func(name, run string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Labels: map[string]string{kube.RunLabel: run}}
	}
	const configMaps = "/api/v1/namespaces/stig/configmaps"
	served := map[string]any{
		"/api/v1/namespaces": corev1.NamespaceList{
			Items: []corev1.Namespace{{ObjectMeta: meta("stig")}, {ObjectMeta: meta("default")}},
		},
		"/apis/storage.k8s.io/v1/storageclasses": storagev1.StorageClassList{
			Items: []storagev1.StorageClass{{ObjectMeta: meta("fast")}, {ObjectMeta: meta("slow")}},
		},
		"/api/v1/nodes": corev1.NodeList{
			Items: []corev1.Node{{ObjectMeta: meta("n1")}, {ObjectMeta: meta("n2")}},
		},
		"/api/v1/namespaces/stig/persistentvolumeclaims": corev1.PersistentVolumeClaimList{
			Items: []corev1.PersistentVolumeClaim{{ObjectMeta: ofRun("mine", "5f6c")}},
		},
		"/api/v1/namespaces/stig/pods": corev1.PodList{
			Items: []corev1.Pod{{ObjectMeta: ofRun("write-pod", "5f6c")}, {ObjectMeta: ofRun("read-pod", "0a0a")}},
		},
		"/api/v1/pods": corev1.PodList{Items: []corev1.Pod{{ObjectMeta: ofRun("write-pod", "7b7b")}}},
		configMaps:     corev1.ConfigMapList{Items: []corev1.ConfigMap{{ObjectMeta: ofRun("engine-bundle-1", "5f6c")}}},
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
		"run --storage-classes slow,":     {"slow,fast"},
		"run --reader-node same,":         {"same,any", "same,other", "same,n1", "same,n2"},
		"run --reader-node n1,n":          {"n1,n2"},
		"run --writer-node n":             {"n1", "n2"},
		"run --writer-node k=v,n":         {},
		"run --existing-claim ":           {"mine"},
		"cleanup --run ":                  {"0a0a", "5f6c"},
		"cleanup -A --run ":               {"7b7b"},
		"report 5":                        {"5f6c"},
		"report engine-bundle-1 ":         {},
		"report -n stig ":                 {"engine-bundle-1"},
		"report -n stig engine":           {"engine-bundle-1"},
		"report -n other ":                {},
	} {
		program, rest, _ := strings.Cut(typed, " ")
		args := append([]string{program, "--server", server.URL}, strings.Split(rest, " ")...)
		assert.Equal(t, want, complete(t, args...), typed)
	}
}

func TestCompletion_Cells(t *testing.T) {
	folder := writeBundle(t, samples.Matrix())
	var want []string
	for _, c := range samples.Matrix().Tested() {
		want = append(want, c.Spec.Name)
	}
	require.Greater(t, len(want), 1)
	assert.Equal(t, want, complete(t, "verify", "--bundle", folder, "--cell", ""))
	ledger := filepath.Join(folder, "ledger.json")
	assert.Equal(t, append(want, "control"), complete(t, "verify", "--ledger", ledger, "--cell", ""))
	assert.Empty(t, complete(t, "verify", "--cell", ""))
	one := writeBundle(t, samples.Pass())
	assert.Equal(t, []string{"ceph-rbd"}, complete(t, "verify", "--bundle", one, "--cell", ""))
	assert.Equal(t, []string{"ceph-rbd"},
		complete(t, "verify", "--ledger", filepath.Join(one, "ledger.json"), "--cell", ""))
	assert.Equal(t, want, complete(t, "report", folder, "--cell", ""))
	assert.Equal(t, append([]string{"ceph-rbd"}, want...), complete(t, "report", "trend", one, folder, "--cell", ""))
	t.Chdir(filepath.Dir(one))
	assert.Equal(t, []string{"ceph-rbd"}, complete(t, "report", "trend", "--cell", ""), "the bundles in this folder")
}

func TestCompletion_IsEmptyWithoutACluster(t *testing.T) {
	assert.Empty(t, complete(t, "run", "--kubeconfig", "/none", "--storage-class", ""))
	assert.Empty(t, complete(t, "run", "--kubeconfig", "/none", "--context", ""))
}
