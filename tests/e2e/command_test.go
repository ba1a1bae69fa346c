package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// program is the path of the command line, the same file as in the image.
var program = flag.String("program", "../../build/image/out/volume-durability", "the command line")

// terminal runs commands in its own folder.
type terminal struct {
	*testing.T
	ns     *chaosengine.Namespace
	folder string
}

func newTerminal(t *testing.T, ns *chaosengine.Namespace) terminal {
	t.Helper()
	return terminal{t, ns, t.TempDir()}
}

// command returns a command that has not started. If it needs a cluster, it gets the test's namespace.
func (t terminal) command(args ...string) (c *exec.Cmd, out, errOut *bytes.Buffer) {
	t.Helper()
	file, err := filepath.Abs(*program)
	require.NoError(t, err)
	if !slices.Contains([]string{"verify", "version"}, args[0]) {
		args = append(args, "--kubeconfig", *kubeconfig, "-n", t.ns.Name)
	}
	c = exec.CommandContext(within(t.T), file, args...)
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	c.Dir, c.Stdout, c.Stderr = t.folder, out, errOut
	// The runs write their PID files into this folder.
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.folder)
	return c, out, errOut
}

// exec runs a command and returns its exit code and output.
func (t terminal) exec(args ...string) (code int, out, errOut string) {
	t.Helper()
	c, stdout, stderr := t.command(args...)
	err := c.Run()
	var exitErr *exec.ExitError
	if !errors.As(err, &exitErr) {
		require.NoError(t, err)
	}
	t.Logf("%s: exit code %d\n%s\n%s", strings.Join(args, " "), c.ProcessState.ExitCode(), stdout, stderr)
	requireNoWarning(t.T, stderr.String())
	return c.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// shortRun returns the arguments of a short run.
func shortRun(args ...string) []string {
	return append([]string{
		"run", "--yes", "--lib-image", *image, "--total-chaos-duration", "2", "--chaos-interval", "2",
		"--negative-control=false",
	}, args...)
}

// longRun returns the arguments of a run that is still running when the test interrupts it.
func longRun(flags ...string) []string {
	return shortRun(append(flags, "--total-chaos-duration", "600", "--chaos-interval", "600")...)
}

// startLongRun starts a run that a test interrupts, and waits for its writer.
func (t terminal) startLongRun(flags ...string) (c *exec.Cmd, out, errOut *bytes.Buffer) {
	t.Helper()
	c, out, errOut = t.command(longRun(flags...)...)
	require.NoError(t, c.Start())
	awaitRunning(t.T, t.ns, "write-pod")
	return c, out, errOut
}

// With the same options and permissions, a run and an engine have the same result.
func TestCommand_HasTheResultOfAnEngine(t *testing.T) {
	t.Parallel()
	engineNamespace, ownNamespace := newNamespace(t), newNamespace(t)
	at := newTerminal(t, ownNamespace)
	env := short(map[string]string{
		"READER_NODE": "other", "LIB_IMAGE": *image, "KEEP": "true", "NEGATIVE_CONTROL": "false",
	})
	watcher := newTerminal(t, engineNamespace)
	phase{trigger: podCreation, object: "read-pod"}.onAdmission(t, engineNamespace, func() {
		code, listed, _ := watcher.exec("cleanup", "--yes")
		assert.Equal(t, 0, code)
		assert.Contains(t, listed, "is running", "cleanup keeps the objects of an engine that is running")
	})
	start(t, engineNamespace, env)

	// This service account has the same permissions as that of the engine.
	code, out, errOut := at.exec(shortRun("--reader-node", "other", "--keep", "-o", "json", "--bundle", "bundle",
		"--as", "system:serviceaccount:"+ownNamespace.Name+":"+account)...)
	require.Equal(t, 0, code)
	var own result.Result
	require.NoError(t, json.Unmarshal([]byte(out), &own))
	assert.Equal(t, judge.Pass, own.Verdict)
	assert.Empty(t, own.Cluster.Warnings)
	for _, command := range []string{" get pods,", " exec read-pod -- cat ", " cleanup ", " --run " + own.RunID} {
		assert.Contains(t, errOut, command, "the commands for what --keep left")
	}

	o := await(t, engineNamespace)
	ofEngine, err := json.Marshal(o.result)
	require.NoError(t, err)
	assert.JSONEq(t, normalize(t, ofEngine, engineNamespace.Name), normalize(t, []byte(out), ownNamespace.Name))

	t.Run("report reads the bundle", func(t *testing.T) { testReport(terminal{t, ownNamespace, at.folder}) })
	t.Run("verify checks the journal", func(t *testing.T) { testVerify(terminal{t, ownNamespace, at.folder}) })
	t.Run("cleanup removes kept objects with --run", func(t *testing.T) {
		testCleanupOfKept(terminal{t, ownNamespace, at.folder}, own.RunID)
	})
}

// normalize replaces what differs between two runs: IDs, times and numbers. It merges the
// objects of a list into one that has all of their fields.
func normalize(t *testing.T, content []byte, namespace string) string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(content, &fields))
	delete(fields, "engine") // a run from the command line has none
	fields["cluster"].(map[string]any)["server"] = "differs between a pod and this machine"
	normalized, err := json.MarshalIndent(normalizeValue(fields, namespace), "", " ")
	require.NoError(t, err)
	return string(normalized)
}

var (
	timePattern   = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z?`)
	idPattern     = regexp.MustCompile(`[0-9a-f]{8,}(-[0-9a-f]{4,})*`)
	numberPattern = regexp.MustCompile(`\d+( \d{3})*`)
)

func normalizeValue(value any, namespace string) any {
	switch v := value.(type) {
	case map[string]any:
		delete(v, "unused") // it depends on how soon Kubernetes sets the condition
		for key := range v {
			v[key] = normalizeValue(v[key], namespace)
		}
		return v
	case []any:
		return mergeList(v, namespace)
	case float64:
		return "#"
	case string:
		for _, pattern := range []*regexp.Regexp{timePattern, idPattern, numberPattern} {
			v = pattern.ReplaceAllString(strings.ReplaceAll(v, namespace, "NAMESPACE"), "#")
		}
		return v
	}
	return value
}

// mergeList merges the objects of a list into one; it keeps a list of other values.
func mergeList(list []any, namespace string) any {
	merged := map[string]any{}
	var values []any
	for _, element := range list {
		fields, ok := normalizeValue(element, namespace).(map[string]any)
		if !ok {
			values = append(values, normalizeValue(element, namespace))
			continue
		}
		for key, value := range fields {
			merged[key] = value
		}
	}
	if len(values) > 0 {
		return values
	}
	return merged
}

func testReport(t terminal) {
	code, out, _ := t.exec("report", "bundle")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "Pass: ")
	code, out, _ = t.exec("report", "bundle", "-o", "junit")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "<testsuites")
}

// testVerify verifies the journal on the volume and a truncated copy of it.
func testVerify(t terminal) {
	content, err := os.ReadFile(volumeFile(t.T, t.ns))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(t.folder, "complete.log"), content, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(t.folder, "truncated.log"), content[:recordSize], 0o600))
	for _, from := range [][]string{{"--bundle", "bundle"}, {"--ledger", "bundle/ledger.json"}} {
		code, out, _ := t.exec(append([]string{"verify", "--journal", "complete.log"}, from...)...)
		assert.Equal(t, 0, code)
		assert.Contains(t, out, "acknowledged records are intact")
		code, out, _ = t.exec(append([]string{"verify", "--journal", "truncated.log"}, from...)...)
		assert.Equal(t, 1, code)
		assert.Contains(t, out, fmt.Sprintf("at byte %d", recordSize), "the truncated copy ends there")
	}
}

func testCleanupOfKept(t terminal, run string) {
	code, out, _ := t.exec("cleanup", "--yes")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "its objects were kept with --keep")
	ofRun := metav1.ListOptions{LabelSelector: kube.RunLabel + "=" + run}
	claims, err := t.ns.Kube.CoreV1().PersistentVolumeClaims(t.ns.Name).List(within(t.T), ofRun)
	require.NoError(t, err)
	require.Len(t, claims.Items, 1, "cleanup without --run keeps the claim")
	code, _, _ = t.exec("cleanup", "--yes", "--run", run[:8])
	assert.Equal(t, 0, code)
	requireNothingLeft(t.T, t.ns)
}

func TestCommand_ReportsALoss(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	code, out, errOut := at.exec(shortRun("--volume-source", "emptyDir", "-o", "junit", "--keep-in-cluster")...)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "<testsuites")
	assert.Contains(t, out, "<failure")
	assert.Contains(t, errOut, "Evidence bundle: "+at.folder)
	requireNothingLeft(t, at.ns)

	code, out, _ = at.exec("report", "list", "-o", "json")
	assert.Equal(t, 0, code)
	var listed []struct{ Namespace, Folder, Name, Run, Verdict string }
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Len(t, listed, 2, "the folder and the ConfigMap")
	for _, b := range listed {
		assert.Equal(t, "Fail", b.Verdict)
		assert.Equal(t, listed[0].Run, b.Run)
	}
	// The folder comes before the cluster.
	require.NoError(t, os.RemoveAll(filepath.Join(at.folder, "volume-durability-"+listed[0].Run)))
	code, out, errOut = at.exec("report", listed[0].Run[:13], "-o", "json")
	assert.Equal(t, 0, code)
	assert.Contains(t, errOut, "Evidence bundle: ConfigMap ")
	assert.Contains(t, out, `"runID": "`+listed[0].Run+`"`)
}

func TestCommand_RunsAChaosEngine(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	charts, err := filepath.Abs("../../charts/volume-durability")
	require.NoError(t, err)
	code, out, errOut := at.exec(shortRun("--engine", charts+"/engine.yaml", "--engine", charts+"/experiment.yaml",
		"--total-chaos-duration", "12s")...)
	assert.Equal(t, 0, code)
	assert.Contains(t, errOut, ": back after ", "the view shows the recovery")
	assert.Contains(t, out, "Pass: ")
	assert.Contains(t, errOut, "write-pod", "the plan is shown")
	requireNothingLeft(t, at.ns)
}

// The run sets the name, class and modes of the claim. The rest comes from the template.
func TestCommand_UsesAClaimTemplate(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	at := newTerminal(t, ns)
	const template = `{apiVersion: v1, kind: PersistentVolumeClaim,
		metadata: {name: template, annotations: {backup: never}},
		spec: {accessModes: [ReadOnlyMany], storageClassName: no-such-class, resources: {requests: {storage: 32Mi}}}}`
	require.NoError(t, os.WriteFile(filepath.Join(at.folder, "claim.yaml"), []byte(template), 0o600))
	code, _, _ := at.exec(shortRun("--claim-template", "claim.yaml", "--storage-class", "csi-ext4", "--keep")...)
	assert.Equal(t, 0, code)
	claim, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "never", claim.Annotations["backup"])
	assert.Equal(t, "csi-ext4", *claim.Spec.StorageClassName)
	assert.Equal(t, "32Mi", claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)

	const invalid = "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {size: 1}}"
	require.NoError(t, os.WriteFile(filepath.Join(at.folder, "claim.yaml"), []byte(invalid), 0o600))
	code, _, errOut := at.exec(shortRun("--claim-template", "claim.yaml")...)
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, `unknown field "size"`)
}

func TestCommand_RemovesEverythingAfterCtrlC(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	c, out, errOut := at.startLongRun()
	// CI services and timeout(1) send several signals, one right after the other.
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, c.Process.Signal(s))
	}
	_ = c.Wait() // the exit code is checked below
	assert.Equal(t, 130, c.ProcessState.ExitCode(), errOut.String())
	assert.Contains(t, out.String(), "Stopped: ")
	assert.Contains(t, errOut.String(), "interrupted: removing what the run created")
	requireNothingLeft(t, at.ns)
}

// Ctrl-C interrupts every program of a pipeline: in run 2>&1 | tee, tee may end first.
func TestCommand_RemovesEverythingAfterCtrlCInAPipeline(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	c, _, _ := at.command(longRun()...)
	reader, tee, err := os.Pipe()
	require.NoError(t, err)
	c.Stdout, c.Stderr = tee, tee
	require.NoError(t, c.Start())
	require.NoError(t, tee.Close())
	awaitRunning(t, at.ns, "write-pod")
	require.NoError(t, reader.Close())
	require.NoError(t, c.Process.Signal(os.Interrupt))
	_ = c.Wait() // the exit code is checked below
	assert.Equal(t, 130, c.ProcessState.ExitCode())
	requireNothingLeft(t, at.ns)
	bundles, err := filepath.Glob(filepath.Join(at.folder, "volume-durability-*", "manifest.json"))
	require.NoError(t, err)
	assert.Len(t, bundles, 1, "the evidence bundle must have been written")
}

func TestCleanup_RemovesObjectsOfAKilledRun(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	c, _, errOut := at.startLongRun()
	code, out, _ := at.exec("cleanup", "--yes", "--older-than", "0")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, fmt.Sprintf("process %d on this machine is still executing it", c.Process.Pid))

	require.NoError(t, c.Process.Signal(syscall.SIGKILL))
	require.Error(t, c.Wait(), errOut.String())
	code, out, declined := at.exec("cleanup")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "write-pod")
	assert.Contains(t, out, "stig-pvc")
	assert.Contains(t, declined, "to skip it, use --yes")
	code, _, _ = at.exec("cleanup", "--yes")
	assert.Equal(t, 0, code)
	requireNothingLeft(t, at.ns)
}

func TestCleanup_KnowsThatAnInterruptedRunHasEnded(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	c, _, errOut := at.startLongRun()
	claims := at.ns.Kube.CoreV1().PersistentVolumeClaims(at.ns.Name)
	setFinalizers := func(list string) {
		patch := fmt.Sprintf(`{"metadata":{"finalizers":%s}}`, list)
		_, err := claims.Patch(within(t), "stig-pvc", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		require.NoError(t, err)
	}
	setFinalizers(`["volume-durability.test/blocked"]`)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	_ = c.Wait() // the exit code is checked below
	assert.Equal(t, 130, c.ProcessState.ExitCode())
	assert.Regexp(t, `To remove it: volume-durability cleanup .*--run `, errOut.String())
	_, out, _ := at.exec("cleanup")
	assert.Contains(t, out, "stig-pvc")
	assert.NotContains(t, out, "unknown")
	setFinalizers("null")
	code, _, errText := at.exec("cleanup", "--yes")
	assert.Equal(t, 0, code, errText)
	requireNothingLeft(t, at.ns)
}

func TestCleanup_RemovesFolderOnAnExistingClaim(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	claimOf(t, at.ns, "shared", corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	c, _, errOut := at.startLongRun("--existing-claim", "claim")
	journal := filepath.Join(volumeFolder(t, at.ns), "volume-durability-*", "logs.log")
	eventually(t, func() bool {
		found, err := filepath.Glob(journal)
		return err == nil && len(found) == 1
	})
	require.NoError(t, c.Process.Signal(syscall.SIGKILL))
	require.Error(t, c.Wait(), errOut.String())
	code, out, _ := at.exec("cleanup", "--yes")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "on claim claim")
	entries, err := os.ReadDir(volumeFolder(t, at.ns))
	require.NoError(t, err)
	assert.Empty(t, entries)
	pods, err := at.ns.Kube.CoreV1().Pods(at.ns.Name).List(within(t), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, pods.Items)
}

func TestDoctor_ReportsFailedChecks(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	code, out, _ := at.exec("doctor", "--reader-node", "other")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "✓ passed")
	assert.Contains(t, out, "shared (default)")
	assert.Regexp(t, `^✓ passed +identity +user \S+, groups .*system:authenticated`, out)
	assert.NotContains(t, out, "✗ failed")

	code, out, _ = at.exec("doctor", "--as", "system:serviceaccount:"+at.ns.Name+":"+account)
	assert.Equal(t, 0, code, "the Role of the chart is sufficient")
	assert.Contains(t, out, "without evidence levels above remounted")
	assert.Contains(t, out, "user system:serviceaccount:"+at.ns.Name+":"+account+", groups ")

	quota(corev1.ResourcePersistentVolumeClaims, "0")(t, at.ns)
	code, out, _ = at.exec("doctor", "--as", "system:serviceaccount:"+at.ns.Name+":default", "--storage-class", "none")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "not allowed to create")
	code, out, _ = at.exec("doctor", "--storage-class", "none")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "none does not exist")
	assert.Contains(t, out, "exceeded quota")
	requireNothingLeft(t, at.ns)
}

// A cell needs room for two pods: the quota counts the writer until its deletion was noticed.
func TestDoctor_SaysNoToWhatARunWouldMeet(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	quota(corev1.ResourcePods, "1")(t, at.ns)
	code, out, _ := at.exec("doctor", "--reader-node", "no-such-node", "--negative-control=false")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "has 1 left for pods, and the run needs 2")
	assert.Contains(t, out, "no such Linux node")

	code, out, _ = at.exec("doctor", "--as", "system:serviceaccount:"+at.ns.Name+":default")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "To fix this: grant the permissions in rbac.yaml")
	assert.NotContains(t, out, "volume-durability doctor")
}

func TestRun_HasAPlanWithTheCellsOfAllClasses(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, newNamespace(t))
	code, _, errOut := at.exec("run", "--storage-classes", "*", "--force=false,true", "--max-cells", "1", "--yes")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "--max-cells (MAX_CELLS)")
	code, _, errOut = at.exec("run", "--storage-classes", "*")
	assert.Equal(t, 2, code, "standard input is not a terminal")
	assert.Contains(t, errOut, "one of them the control")
	assert.Contains(t, errOut, "in total")
	requireNothingLeft(t, at.ns)
}
