package command

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// execute runs the program and returns its code and what it says.
func execute(t *testing.T, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Execute(append([]string{"volume-durability"}, args...), Streams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestAVerdictHasACode(t *testing.T) {
	for verdict, code := range map[judge.Verdict]int{
		judge.Pass: 0, judge.Fail: 1, judge.Error: 2, judge.NotApplicable: 2, judge.Skipped: 2, judge.Stopped: 130,
	} {
		assert.Equal(t, code, codeFor(verdict), verdict)
	}
}

func TestWrongArgumentsAreCode2(t *testing.T) {
	for _, args := range [][]string{
		{"nothing"}, {"run", "--no-such-flag"}, {"run", "--force", "false,true"}, {"run", "--without-probes"}, {"run", "-o", "xml"},
		{"verify"}, {"report", "a", "b"}, {"run", "--log-level", "loud"},
	} {
		code, out, said := execute(t, args...)
		assert.Equal(t, Unknown, code, args)
		assert.Empty(t, out, args)
		assert.Contains(t, said, "error: ", args)
	}
}

func TestNoFlagIsNamedThatTheCommandHasNot(t *testing.T) {
	for command, has := range map[string]bool{"run": true, "doctor": true, "verify": false, "cleanup": false} {
		_, _, said := execute(t, command, "true")
		assert.Contains(t, said, `unexpected argument "true"`, command)
		assert.Equal(t, has, strings.Contains(said, "--force=true"), command)
	}
}

func TestMistakesInTheInputsNeedNoCluster(t *testing.T) {
	code, _, said := execute(t, "run", "--kubeconfig", "none", "--write-rate=fast", "--record-size=1")
	assert.Equal(t, Unknown, code)
	assert.Contains(t, said, "--write-rate (WRITE_RATE)")
	assert.Contains(t, said, "--record-size (RECORD_SIZE)")
}

func TestTheExperimentIsNotForPeople(t *testing.T) {
	code, out, _ := execute(t, "--help")
	assert.Equal(t, Kept, code)
	assert.NotContains(t, out, "\n  experiment")
	assert.Contains(t, out, "\n  doctor")
	code, said, _ := execute(t, "experiment")
	assert.Equal(t, 1, code)
	assert.Contains(t, said, "chaos-runner sets it")
}

func TestAsAPluginItIsKubectls(t *testing.T) {
	var out bytes.Buffer
	require.Equal(t, Kept, Execute([]string{"/bin/kubectl-durability", "version", "--help"}, Streams{Out: &out, ErrOut: &out}))
	assert.Contains(t, out.String(), "kubectl durability version")
}

func TestVersion(t *testing.T) {
	code, out, _ := execute(t, "version", "-o", "json")
	assert.Equal(t, Kept, code)
	var b build
	require.NoError(t, json.Unmarshal([]byte(out), &b))
	assert.NotEmpty(t, b.Go)
	assert.Equal(t, repository+":v1.2.3", releasedImage("v1.2.3"))
	for _, none := range []string{"", "v1.2.4-0.20261125031500-abcdefabcdef", "v1.2.3+dirty"} {
		assert.Equal(t, repository+":latest", releasedImage(none))
	}
}

// evidenceOf writes the evidence of a sample into a folder.
func evidenceOf(t *testing.T, r result.Result) string {
	t.Helper()
	b, err := bundle.Make(r, bundle.Options{})
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "evidence")
	require.NoError(t, b.Write(folder))
	return folder
}

func TestEvidenceIsShownInEveryForm(t *testing.T) {
	folder := evidenceOf(t, samples.Matrix())
	for form, says := range map[string]string{
		"": "LOST", "html": "<!DOCTYPE html>", "table": "VERDICT", "yaml": "verdict: Fail", "json": `"verdict": "Fail"`, "junit": "<testsuites", "ckl": "<CHECKLIST>", "cklb": `"stigs"`,
		"oscal": `"assessment-results"`, "ledger": `"acks"`, "scan": `"reads"`, "manifest": `"sha256"`, "scan.json": `"reads"`,
	} {
		code, out, said := execute(t, "report", folder, "--form", form)
		assert.Equal(t, Kept, code, form)
		assert.Contains(t, out, says, form)
		assert.Contains(t, said, "as its manifest says")
	}
	code, _, said := execute(t, "report", folder, "--form", "pdf")
	assert.Equal(t, Unknown, code)
	assert.Contains(t, said, "it holds assessment-results.json, ")
}

func TestAnAssessorsNamesAreInTheChecklists(t *testing.T) {
	folder := evidenceOf(t, samples.Pass())
	code, out, _ := execute(t, "report", folder, "--form", "cklb", "--asset", "cluster-of-mine")
	assert.Equal(t, Kept, code)
	assert.Contains(t, out, "cluster-of-mine")
	code, _, said := execute(t, "report", folder, "--asset", "cluster-of-mine")
	assert.Equal(t, Unknown, code)
	assert.Contains(t, said, "--form ckl")
}

func TestSeveralRunsAreShownOnOnePage(t *testing.T) {
	kept, lost := evidenceOf(t, samples.Pass()), evidenceOf(t, samples.Fail())
	code, out, said := execute(t, "report", kept, lost, "--form", "html")
	assert.Equal(t, Kept, code)
	assert.Contains(t, out, "<title>2\u00a0runs: 1\u00a0Pass, 1\u00a0Fail: volume-durability</title>")
	assert.Equal(t, 2, strings.Count(said, "as its manifest says"))
	code, out, said = execute(t, "report", kept, lost, "--form", "ckl")
	assert.Equal(t, Unknown, code)
	assert.Empty(t, out)
	assert.Contains(t, said, "no other form shows several, and 2 are named")
	require.NoError(t, os.WriteFile(filepath.Join(lost, "junit.xml"), []byte("all is well"), 0o600))
	code, out, said = execute(t, "report", kept, lost, "--form", "html")
	assert.Equal(t, Unknown, code)
	assert.Empty(t, out)
	assert.Contains(t, said, "junit.xml differs")
}

func TestEvidenceThatWasChangedIsNotShown(t *testing.T) {
	folder := evidenceOf(t, samples.Pass())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "junit.xml"), []byte("all is well"), 0o600))
	code, out, said := execute(t, "report", folder)
	assert.Equal(t, Unknown, code)
	assert.Empty(t, out)
	assert.Contains(t, said, "junit.xml differs")
}

func TestTheNewestFolderIsShownWhereNoneIsNamed(t *testing.T) {
	folder := evidenceOf(t, samples.Pass())
	t.Chdir(folder)
	code, out, _ := execute(t, "report")
	assert.Equal(t, Kept, code)
	assert.Contains(t, out, "KEPT")
	b, err := bundle.ReadFolder(".")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, b.Write("volume-durability-1"))
	code, _, said := execute(t, "report")
	assert.Equal(t, Kept, code)
	assert.Contains(t, said, "volume-durability-1")
}

func TestWhatIsNoEvidenceIsNamed(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("report.html", []byte("<html>"), 0o600))
	require.NoError(t, os.Mkdir("photos", 0o700))
	require.NoError(t, os.Symlink("nowhere", "photos/link"))
	for wanted, says := range map[string]string{
		"typo": "typo is no folder and no file", "report.html": "report.html: want a folder of evidence", "photos": "photos is no evidence",
	} {
		code, out, said := execute(t, "report", wanted, "--server", gone.URL)
		assert.Equal(t, Unknown, code)
		assert.Empty(t, out)
		assert.Contains(t, said, says)
	}
	code, _, said := execute(t, "report", "--server", gone.URL)
	assert.Equal(t, Unknown, code)
	assert.Contains(t, said, "there is no evidence in this folder")
}

func TestEvidenceInTheClusterIsFoundByItsRun(t *testing.T) {
	of := func(name, run string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Labels: map[string]string{kube.RunLabel: run}}
	}
	kept := []metav1.ObjectMeta{of("mine", "5f6c0001"), of("an-evidence-engine-evidence-5f6c0002", "5f6c0002"), of("5f6c", "0a0a0003")}
	for wanted, found := range map[string][]string{
		"5f6c0001": {"mine"}, "5f6c0002": {"an-evidence-engine-evidence-5f6c0002"}, "mine": {"mine"}, "5f6c": {"5f6c"},
		"5f6c000": {"mine", "an-evidence-engine-evidence-5f6c0002"}, "engine": nil, "": {"mine", "an-evidence-engine-evidence-5f6c0002", "5f6c"},
	} {
		assert.Equal(t, found, ofRun(kept, wanted), wanted)
	}
}

func TestTheListOfEvidenceIsATable(t *testing.T) {
	now := time.Now()
	text, err := tableOf([]kept{{Namespace: "stig", Name: "n", Run: "r", Verdict: "Pass", Created: now.Add(-time.Hour)}}, now)
	require.NoError(t, err)
	assert.Equal(t, "NAMESPACE  NAME  RUN  VERDICT  AGE\nstig       n     r    Pass     60m\n", text)
}

func TestAnOpenerForEachSystem(t *testing.T) {
	assert.Equal(t, []string{"open"}, opener("darwin"))
	assert.Equal(t, []string{"xdg-open"}, opener("linux"))
}

func TestNobodyIsAskedWhereNobodyIs(t *testing.T) {
	err := confirm(t.Context(), Streams{In: strings.NewReader("y\n"), ErrOut: &bytes.Buffer{}}, "Go ahead?")
	assert.ErrorContains(t, err, "standard input is no terminal")
	assert.ErrorContains(t, err, "--yes")
}
