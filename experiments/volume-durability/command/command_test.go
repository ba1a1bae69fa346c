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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// execute runs the program and returns its exit code and output.
func execute(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	streams := Streams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr}
	code = Execute(append([]string{"volume-durability"}, args...), streams)
	return code, stdout.String(), stderr.String()
}

func TestExitCodeFor_EveryVerdict(t *testing.T) {
	for verdict, code := range map[judge.Verdict]int{
		judge.Pass: 0, judge.Fail: 1, judge.Error: 2, judge.NotApplicable: 2, judge.Skipped: 2, judge.Stopped: 130,
	} {
		assert.Equal(t, code, terminal.ExitCode(verdict), verdict)
	}
}

func TestExecute_WrongArgumentsAreErrors(t *testing.T) {
	for _, args := range [][]string{
		{"nothing"}, {"run", "--no-such-flag"}, {"run", "--force", "false,true"}, {"run", "--without-probes"},
		{"run", "-o", "xml"},
		{"verify"}, {"report", "a", "b"}, {"report", "-o", "pdf"}, {"run", "--log-level", "loud"},
	} {
		code, out, errOut := execute(t, args...)
		assert.Equal(t, terminal.ExitError, code, args)
		assert.Empty(t, out, args)
		assert.Contains(t, errOut, "error: ", args)
	}
}

func TestExecute_SuggestsWhatMayHaveBeenMeant(t *testing.T) {
	for want, args := range map[string][]string{
		`unknown command "reprot" for "volume-durability"; did you mean report`: {"reprot"},
		"did you mean --storage-class or --storage-classes?":                    {"run", "--storage-clas", "x"},
		"did you mean --chaos-interval?":                                        {"local", ".", "--chaos-intervall=1"},
		"did you mean ReadWriteOncePod?":                                        {"run", "--access-mode=RWX,ReadWriteOncPod"},
		"did you mean emptyDir?":                                                {"run", "--volume-source=emptydir"},
		"want one of text, json, yaml, table, junit; did you mean json?":        {"run", "-o", "jsn"},
		"did you mean warning?":                                                 {"run", "--log-level", "warnin"},
		"did you mean parallel?":                                                {"run", "--sequence=paralel"},
	} {
		code, _, errOut := execute(t, args...)
		assert.Equal(t, terminal.ExitError, code, args)
		assert.Contains(t, errOut, want)
	}
	for _, args := range [][]string{{"run", "--no-such-flag"}, {"verify", "--helo"}, {"report", "list", "--cell", "x"}} {
		_, _, errOut := execute(t, args...)
		assert.Contains(t, errOut, "unknown flag")
		assert.NotContains(t, errOut, "did you mean", args)
	}
}

func TestFlagsOnly_SuggestsOnlyFlagsOfTheCommand(t *testing.T) {
	for name, hasForce := range map[string]bool{"run": true, "doctor": true, "verify": false, "cleanup": false} {
		_, _, errOut := execute(t, name, "true")
		assert.Contains(t, errOut, `unexpected argument "true"`, name)
		assert.Equal(t, hasForce, strings.Contains(errOut, "--force=true"), name)
	}
}

func TestRun_ReportsInvalidOptionsBeforeItConnects(t *testing.T) {
	code, _, errOut := execute(t, "run", "--kubeconfig", "none", "--write-rate=fast", "--record-size=1")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "--write-rate (WRITE_RATE)")
	assert.Contains(t, errOut, "--record-size (RECORD_SIZE)")
}

func TestExperiment_IsHidden(t *testing.T) {
	code, out, _ := execute(t, "--help")
	assert.Equal(t, terminal.ExitOK, code)
	assert.NotContains(t, out, "\n  experiment")
	assert.Contains(t, out, "\n  doctor")
	code, log, _ := execute(t, "experiment")
	assert.Equal(t, 1, code)
	assert.Contains(t, log, "chaos-runner sets it")
}

func TestExecute_NamesItselfAsKubectlPlugin(t *testing.T) {
	var out bytes.Buffer
	code := Execute([]string{"/bin/kubectl-durability", "version", "--help"}, Streams{Out: &out, ErrOut: &out})
	require.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, out.String(), "kubectl durability version")
}

func TestVersion_PrintsBuildAndImage(t *testing.T) {
	code, out, _ := execute(t, "version", "-o", "json")
	assert.Equal(t, terminal.ExitOK, code)
	var v versionInfo
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	assert.NotEmpty(t, v.Go)
	_, command, _ := execute(t, "version")
	code, flag, _ := execute(t, "--version")
	assert.Equal(t, terminal.ExitOK, code)
	assert.Equal(t, command, flag)
	assert.Equal(t, repository+":v1.2.3", releasedImage("v1.2.3"))
	for _, unreleased := range []string{"", "v1.2.4-0.20261125031500-abcdefabcdef", "v1.2.3+dirty"} {
		assert.Equal(t, repository+":latest", releasedImage(unreleased))
	}
}

// writeBundle writes the evidence bundle of a result to a folder.
func writeBundle(t *testing.T, r result.Result) string {
	t.Helper()
	b, err := bundle.Make(r, bundle.Options{})
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "evidence")
	require.NoError(t, b.Write(folder))
	return folder
}

func TestReport_EveryFormat(t *testing.T) {
	folder := writeBundle(t, samples.Matrix())
	for format, want := range map[string]string{
		"html": "<!DOCTYPE html>", "table": "VERDICT", "yaml": "verdict: Fail", "json": `"verdict": "Fail"`,
		"junit": "<testsuites", "ckl": "<CHECKLIST>", "cklb": `"stigs"`,
		"oscal": `"assessment-results"`, "ledger": `"acks"`, "scan": `"reads"`, "manifest": `"sha256"`,
		"scan.json": `"reads"`, "openmetrics": "# EOF\n",
	} {
		code, out, errOut := execute(t, "report", folder, "-o", format)
		assert.Equal(t, terminal.ExitOK, code, format)
		assert.Contains(t, out, want, format)
		assert.Contains(t, errOut, "matches its manifest")
	}
	code, out, _ := execute(t, "report", folder)
	assert.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, out, "Fail: ")
	code, _, errOut := execute(t, "report", folder, "--output", "no-such-file.txt")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "the bundle contains assessment-results.json, ")
	code, _, errOut = execute(t, "report", folder, "-o", "pdf")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "want one of text, ckl, cklb, html, ")
}

func TestReport_AssetIsInChecklistsAndOSCAL(t *testing.T) {
	folder := writeBundle(t, samples.Pass())
	for _, format := range []string{"ckl", "cklb", "oscal"} {
		code, out, _ := execute(t, "report", folder, "-o", format, "--asset", "my-cluster")
		assert.Equal(t, terminal.ExitOK, code, format)
		assert.Contains(t, out, "my-cluster", format)
	}
	code, _, errOut := execute(t, "report", folder, "--asset", "my-cluster")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "--rule and --asset require -o ckl, cklb, oscal")
}

func TestReport_SeveralRunsOnOnePage(t *testing.T) {
	passed, failed := writeBundle(t, samples.Pass()), writeBundle(t, samples.Fail())
	code, out, errOut := execute(t, "report", passed, failed, "-o", "html")
	assert.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, out, "<title>2 runs: 1\u00a0Pass, 1\u00a0Fail: volume-durability</title>")
	assert.Equal(t, 2, strings.Count(errOut, "matches its manifest"))
	code, out, errOut = execute(t, "report", passed, failed, "-o", "ckl")
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, "got 2 runs: want one, or -o html")
	require.NoError(t, os.WriteFile(filepath.Join(failed, "junit.xml"), []byte("changed"), 0o600))
	code, out, errOut = execute(t, "report", passed, failed, "-o", "html")
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, "junit.xml differs")
}

func TestReport_RejectsChangedBundle(t *testing.T) {
	folder := writeBundle(t, samples.Pass())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "junit.xml"), []byte("changed"), 0o600))
	code, out, errOut := execute(t, "report", folder)
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, "junit.xml differs")
}

func TestReport_FindsABundleWithAnyName(t *testing.T) {
	folder := writeBundle(t, samples.Pass())
	parent := filepath.Dir(folder)
	other := filepath.Join(parent, "web-app")
	require.NoError(t, os.Mkdir(other, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(other, bundle.ManifestFile), []byte(`{"name": "app"}`), 0o600))
	t.Chdir(parent)
	code, out, errOut := execute(t, "report")
	assert.Equal(t, terminal.ExitOK, code, errOut)
	assert.Contains(t, out, "Pass: ")
	assert.Contains(t, errOut, "Evidence bundle: "+filepath.Base(folder))

	damaged := filepath.Join(parent, "volume-durability-5f6c")
	require.NoError(t, os.Mkdir(damaged, 0o700))
	manifest := filepath.Join(damaged, bundle.ManifestFile)
	require.NoError(t, os.WriteFile(manifest, []byte("{"), 0o600))
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(manifest, later, later))
	code, _, errOut = execute(t, "report")
	assert.Equal(t, terminal.ExitError, code, "the newest bundle is damaged")
	assert.Contains(t, errOut, "volume-durability-5f6c")
}

func TestReport_DefaultsToTheNewestFolder(t *testing.T) {
	folder := writeBundle(t, samples.Pass())
	t.Chdir(folder)
	code, out, _ := execute(t, "report")
	assert.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, out, "Pass: ")
	b, err := bundle.ReadFolder(".")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, b.Write("volume-durability-1"))
	code, _, errOut := execute(t, "report")
	assert.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, errOut, "volume-durability-1")
}

func TestReport_WithANamespaceIgnoresFilesOfThisMachineUnlessItsPathIsGiven(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	folder := writeBundle(t, samples.Pass())
	t.Chdir(filepath.Dir(folder))
	inCluster := []string{"report", "-n", "stig", "--server", gone.URL}
	for _, args := range [][]string{{}, {samples.Pass().RunID[:8]}} {
		code, out, errOut := execute(t, append(inCluster, args...)...)
		assert.Equal(t, terminal.ExitError, code)
		assert.Empty(t, out)
		assert.Contains(t, errOut, "--namespace asks for the")
	}
	code, out, errOut := execute(t, append(inCluster, folder)...)
	assert.Equal(t, terminal.ExitOK, code, errOut)
	assert.Contains(t, out, "Pass: ")
}

func TestReport_NamesTheFileThatIsNotABundle(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("report.html", []byte("<html>"), 0o600))
	require.NoError(t, os.WriteFile("other.json", []byte(`{"schema": "another"}`), 0o600))
	require.NoError(t, os.Mkdir("photos", 0o700))
	require.NoError(t, os.Symlink("nowhere", "photos/link"))
	for arg, want := range map[string]string{
		"typo":        "typo is neither a file nor a folder",
		"report.html": "report.html: want a folder with an evidence bundle",
		"photos":      "photos does not contain an evidence bundle",
		"other.json":  `want a result with schema "volume-durability/result/v1alpha1", got "another"`,
	} {
		code, out, errOut := execute(t, "report", arg, "--server", gone.URL)
		assert.Equal(t, terminal.ExitError, code)
		assert.Empty(t, out)
		assert.Contains(t, errOut, want)
	}
	code, _, errOut := execute(t, "report", "--server", gone.URL)
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "no evidence bundle in the current folder")
}

func TestMatchEntry_ByNameOrRun(t *testing.T) {
	entry := func(name, run string) bundlestore.Entry {
		return bundlestore.Entry{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{kube.RunLabel: run}},
		}
	}
	entries := []bundlestore.Entry{
		entry("mine", "5f6c0001"), entry("a-bundle-engine-bundle-5f6c0002", "5f6c0002"), entry("5f6c", "0a0a0003"),
	}
	for arg, want := range map[string]int{
		"5f6c0001": 0, "5f6c0002": 1, "mine": 0, "5f6c": 2, "engine": -1, "a-bundle": 1, "": 0,
		"volume-durability-5f6c0002": 1, "volume-durability-bundle-5f6c0001": 0, "volume-durability-7": -1,
	} {
		got, err := matchEntry(entries, arg)
		require.NoError(t, err)
		assert.Equal(t, want, got, arg)
	}
	_, err := matchEntry(entries, "5f6c000")
	assert.EqualError(t, err, "5f6c000 is the beginning of the IDs of several runs: 5f6c0001, 5f6c0002")
	none, err := matchEntry(nil, "")
	require.NoError(t, err)
	assert.Equal(t, -1, none)
}

// The folders of runs have long names, which users shorten.
func TestRun_IsNamedByABeginningEverywhere(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Chdir(t.TempDir())
	r := samples.Pass()
	r.RunID = "5f6c0001-aaaa"
	b, err := bundle.Make(r, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, b.Write("volume-durability-5f6c0001-aaaa"))
	r.RunID = "7777"
	b, err = bundle.Make(r, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, b.Write("mine"))
	require.NoError(t, os.Mkdir("elsewhere", 0o700))
	packed, err := b.Pack()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("elsewhere", "7777.tar.gz"), packed, 0o600))
	require.NoError(t, os.WriteFile("j", nil, 0o600))
	for _, name := range []string{
		"volume-durability-5f6c", "./volume-durability-5f6c", "5f6c", "volume-durability-bundle-5f6c", "mi", "77",
		"elsewhere/77", "elsewhere/volume-durability-77", "5f6c…aa", "volume…-aaaa",
	} {
		for _, args := range [][]string{
			{"report", name}, {"report", "compare", name, "mine"}, {"report", "trend", name},
			{"verify", "--journal", "j", "--bundle", name},
		} {
			code, _, errOut := execute(t, args...)
			want := terminal.ExitOK
			if args[0] == "verify" {
				want = terminal.ExitFail // the journal is empty
			}
			assert.Equal(t, want, code, "%v: %s", args, errOut)
		}
	}
	code, _, errOut := execute(t, "verify", "--journal", "j", "--bundle", "8")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "no run in the current folder whose ID begins with it")
}

func TestReportList_HasLocalFolders(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Chdir(t.TempDir())
	code, out, errOut := execute(t, "report", "list")
	assert.Equal(t, terminal.ExitOK, code)
	assert.Empty(t, out)
	assert.Equal(t, "No evidence bundles found in the current folder; no cluster is configured.\n", errOut)
	passed, failed := samples.Pass(), samples.Fail()
	passed.RunID, failed.RunID = "5f6c0001-7d2e", "5f6c0002-7d2e"
	passed.EndedAt, failed.EndedAt = time.Now().Add(-time.Hour), time.Now()
	passed.Cluster.Server = "https://cluster.example"
	for _, r := range []result.Result{passed, failed} {
		b, err := bundle.Make(r, bundle.Options{})
		require.NoError(t, err)
		require.NoError(t, b.Write("volume-durability-"+r.RunID))
	}
	code, out, _ = execute(t, "report", "list")
	assert.Equal(t, terminal.ExitOK, code)
	lines := strings.Split(out, "\n")
	require.Len(t, lines, 4)
	assert.Regexp(t, `^volume-durability-5f6c0002-7d2e +\(folder\) +5f6c0002 +Fail +\ds? `, lines[1],
		"the newest is first")
	assert.Regexp(t, `^volume-durability-5f6c0001-7d2e +\(folder\) +5f6c0001 +Pass +60m +https://cluster.example$`,
		lines[2])

	code, out, _ = execute(t, "report", "5f6c0002")
	assert.Equal(t, terminal.ExitOK, code)
	assert.Contains(t, out, "Fail: ")
	code, _, errOut = execute(t, "report", "5f6c")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, "5f6c is the beginning of the IDs of several runs: 5f6c0001-7d2e, 5f6c0002-7d2e")

	gone := httptest.NewServer(nil)
	gone.Close()
	code, out, errOut = execute(t, "report", "list", "--server", gone.URL)
	assert.Equal(t, terminal.ExitError, code, "the cluster that the user named was not searched")
	assert.Contains(t, out, "5f6c0002")
	assert.Contains(t, errOut, "error: ")
}

func TestOpenCommand_EverySystem(t *testing.T) {
	assert.Equal(t, []string{"open"}, openCommand("darwin"))
	assert.Equal(t, []string{"xdg-open"}, openCommand("linux"))
}

func TestConfirm_RequiresATerminal(t *testing.T) {
	err := confirm(t.Context(), Streams{In: strings.NewReader("y\n"), ErrOut: &bytes.Buffer{}}, "Continue?")
	assert.ErrorContains(t, err, "standard input is not a terminal")
	assert.ErrorContains(t, err, "--yes")
}

func TestConnect_WithoutAKubeconfigNamesTheFlag(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, args := range [][]string{{"doctor"}, {"cleanup"}, {"run", "--yes"}, {"report", "trend", "-A"}} {
		code, _, errOut := execute(t, args...)
		assert.Equal(t, terminal.ExitError, code, args)
		assert.Contains(t, errOut, "there is no kubeconfig. To fix this: set KUBECONFIG or --kubeconfig", args)
	}
}

func TestPrintNotRemoved_HasTheListAndTheCommand(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "write-pod", Namespace: "stig", Labels: map[string]string{kube.RunLabel: "run-1"},
	}}
	var out strings.Builder
	spec := runSpec{id: "run-1", options: options.Defaults(), cluster: connection{client: fake.NewClientset(pod)}}
	printNotRemoved(t.Context(), &out, spec)
	assert.Equal(t, "\nNot removed from namespace stig: pod write-pod\n"+
		"To remove it: volume-durability cleanup -n stig --run run-1\n", out.String())
	out.Reset()
	spec.clusterFlags = " --context prod"
	printNotRemoved(t.Context(), &out, spec)
	assert.Contains(t, out.String(), "volume-durability cleanup --context prod -n stig --run run-1\n")
	out.Reset()
	spec.id = "run-2"
	printNotRemoved(t.Context(), &out, spec)
	assert.Equal(t, "\nNot removed from namespace stig: nothing\n", out.String())
}
