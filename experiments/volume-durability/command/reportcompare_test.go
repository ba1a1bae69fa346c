package command

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/report/compare"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestReportCompare_ExitsWith1OnlyForARegressionThatWasAskedFor(t *testing.T) {
	passed, failed := writeBundle(t, samples.Pass()), writeBundle(t, samples.Fail())
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{passed, failed}, terminal.ExitOK},
		{[]string{passed, failed, "--fail-on-regression"}, terminal.ExitFail},
		{[]string{failed, passed, "--fail-on-regression"}, terminal.ExitOK},
		{[]string{passed, passed, "--fail-on-regression"}, terminal.ExitOK},
		{[]string{passed}, terminal.ExitError},
	} {
		code, out, errOut := execute(t, append([]string{"report", "compare"}, c.args...)...)
		assert.Equal(t, c.code, code, "%v: %s", c.args, errOut)
		if c.code != terminal.ExitError {
			assert.Regexp(t, `(ceph-rbd|nfs-async) +slowest recovery +[\d.]+m?s +[\d.]+m?s`, out)
			assert.Empty(t, errOut)
		}
	}
}

func TestReportCompare_AsJSON(t *testing.T) {
	passed, failed := writeBundle(t, samples.Pass()), writeBundle(t, samples.Fail())
	code, out, errOut := execute(t, "report", "compare", passed, failed, "-o", "json")
	require.Equal(t, terminal.ExitOK, code, errOut)
	var got compare.Comparison
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.Equal(t, compare.Compare(samples.Pass(), samples.Fail()), got)
}

func TestReportCompare_RejectsAChangedBundle(t *testing.T) {
	passed, changed := writeBundle(t, samples.Pass()), writeBundle(t, samples.Fail())
	require.NoError(t, os.WriteFile(filepath.Join(changed, "junit.xml"), []byte("changed"), 0o600))
	code, out, errOut := execute(t, "report", "compare", passed, changed)
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, "junit.xml differs")
}

func TestReport_ReadsTheRunsThatANamespaceKeeps(t *testing.T) {
	api := fake.NewClientset()
	first, second := samples.Pass(), samples.Fail()
	first.RunID, second.RunID, second.StartedAt = "1111-2222", "3333-4444", first.StartedAt.Add(time.Hour)
	for _, r := range []result.Result{second, first} {
		b, err := bundle.Make(r, bundle.Options{})
		require.NoError(t, err)
		store := bundlestore.Store{Client: api, Namespace: "stig", Labels: map[string]string{kube.RunLabel: r.RunID}}
		require.NoError(t, store.Save(t.Context(), bundlestore.Name("", r.RunID), b))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const path = "/api/v1/namespaces/stig/configmaps"
		var answer any
		var err error
		if r.URL.Path == "/api/v1/configmaps" {
			answer, err = api.CoreV1().ConfigMaps(metav1.NamespaceAll).List(r.Context(), metav1.ListOptions{})
		} else if name, isOne := strings.CutPrefix(r.URL.Path, path+"/"); isOne {
			answer, err = api.CoreV1().ConfigMaps("stig").Get(r.Context(), name, metav1.GetOptions{})
		} else {
			answer, err = api.CoreV1().ConfigMaps("stig").List(r.Context(), metav1.ListOptions{})
		}
		assert.NoError(t, err, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(answer))
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	code, out, errOut := execute(t, "report", "trend", "--server", server.URL, "-A")
	assert.Equal(t, terminal.ExitOK, code, errOut)
	assert.Regexp(t, `(?s)\n1111-2222 .* Pass .*\n3333-4444 .* Fail `, out)
	assert.NoError(t, os.Mkdir("3333", 0o700))
	code, _, errOut = execute(t, "report", "trend", "--server", server.URL, "-A", "3333")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "--all-namespaces does not go together with 3333")
	assert.NoError(t, os.Remove("3333"))
	in := []string{"--server", server.URL, "-n", "stig"}
	code, out, errOut = execute(t, append([]string{"report", "trend"}, in...)...)
	assert.Equal(t, terminal.ExitOK, code, errOut)
	assert.Regexp(t, `(?s)\n1111-2222 .* Pass .*\n3333-4444 .* Fail `, out)
	code, out, errOut = execute(t, append([]string{"report", "compare", "1111", "3333", "--fail-on-regression"}, in...)...)
	assert.Equal(t, terminal.ExitFail, code, errOut)
	assert.Regexp(t, `run +1111-2222 +3333-4444\n`, out)
}

func TestReportTrend_ReadsTheBundlesInAFolder(t *testing.T) {
	first, second := samples.Pass(), samples.Fail()
	first.RunID, second.RunID, second.StartedAt = "first", "second", first.StartedAt.Add(time.Hour)
	history := t.TempDir()
	older, err := bundle.Make(first, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, older.Write(filepath.Join(history, "z")))
	packed, err := bundle.Make(second, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, packed.Write(filepath.Join(history, "a")))
	archive, err := packed.Pack()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(history, "a.tar.gz"), archive, 0o600))

	want := `(?s)^RUN.*\nfirst .* Pass .*\nsecond .* Fail +1 +210 .*\n$`
	code, out, errOut := execute(t, "report", "trend", history)
	assert.Equal(t, terminal.ExitOK, code, errOut)
	assert.Regexp(t, want, out)
	assert.NotRegexp(t, `(?s)second.*second`, out, "the packed bundle is the same run")
	t.Chdir(history)
	_, out, errOut = execute(t, "report", "trend")
	assert.Regexp(t, want, out, errOut)
	code, _, errOut = execute(t, "report", "trend", "--cell", "other")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "--cell other: want one of nfs-async, ceph-rbd")
	_, out, _ = execute(t, "report", "trend", "-o", "json", "--cell", second.Cells[0].DisplayName())
	var points []compare.Point
	require.NoError(t, json.Unmarshal([]byte(out), &points))
	require.Len(t, points, 1, "the first run tested another StorageClass")
	assert.Equal(t, "second", points[0].ID)
	t.Setenv("COLUMNS", "60")
	_, out, _ = execute(t, "report", "trend")
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len(line), 61, line)
	}
}

func TestComparison_FitsTheWidth(t *testing.T) {
	before, after := samples.Matrix(), samples.Matrix()
	before.RunID, after.RunID = "5f6c0a1b-7d2e-4f3a-9c48-1b6d5e0f2a39", "7d2e0a1b-7d2e-4f3a-9c48-1b6d5e0f2a39"
	after.Tool.Image = "registry.example/" + strings.Repeat("long/", 20) + "image:1"
	compared := compare.Compare(before, after)
	for _, width := range []int{60, 80, 100} {
		text, _, _ := strings.Cut(compared.Text(comparisonTable(width)), "\nNo regression")
		for line := range strings.Lines(text) {
			assert.LessOrEqual(t, runewidth.StringWidth(strings.TrimSuffix(line, "\n")), width, line)
		}
	}
	assert.Contains(t, compared.Text(comparisonTable(60)), "run ")
	assert.NotContains(t, compared.Text(comparisonTable(60)), before.RunID)
	assert.Contains(t, compared.Text(comparisonTable(400)), before.RunID)
}
