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

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// program is the command line, the very file that is in the image.
var program = flag.String("program", "../../build/image/out/volume-durability", "the command line")

// terminal is where a person runs commands, in a folder of its own.
type terminal struct {
	*testing.T
	ns     *chaosengine.Namespace
	folder string
}

func newTerminal(t *testing.T, ns *chaosengine.Namespace) terminal {
	t.Helper()
	return terminal{t, ns, t.TempDir()}
}

// command is one that works in the namespace, if it works in a cluster.
func (t terminal) command(args ...string) (c *exec.Cmd, out, said *bytes.Buffer) {
	t.Helper()
	file, err := filepath.Abs(*program)
	require.NoError(t, err)
	if !slices.Contains([]string{"verify", "version"}, args[0]) {
		args = append(args, "--kubeconfig", *kubeconfig, "-n", t.ns.Name)
	}
	c = exec.CommandContext(within(t.T), file, args...)
	out, said = &bytes.Buffer{}, &bytes.Buffer{}
	c.Dir, c.Stdout, c.Stderr = t.folder, out, said
	// What a machine knows of its runs is this test's own.
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.folder)
	return c, out, said
}

// does runs a command and returns its code and what it says.
func (t terminal) does(args ...string) (code int, out, said string) {
	t.Helper()
	c, stdout, stderr := t.command(args...)
	err := c.Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		require.NoError(t, err)
	}
	t.Logf("%s: exit code %d\n%s\n%s", strings.Join(args, " "), c.ProcessState.ExitCode(), stdout, stderr)
	return c.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// run is the command run, made short.
func (t terminal) run(args ...string) []string {
	return append([]string{"run", "--yes", "--lib-image", *image, "--total-chaos-duration", "2", "--chaos-interval", "2", "--negative-control=false"}, args...)
}

// long is a run that goes on until it is ended.
func (t terminal) long() []string {
	return t.run("--total-chaos-duration", "600", "--chaos-interval", "600")
}

// A person and a ChaosEngine ask for the same, with the same rights: what they get is the same.
func TestAPersonAndAnEngineGetTheSame(t *testing.T) {
	t.Parallel()
	engines, mine := someNamespace(t), someNamespace(t)
	at := newTerminal(t, mine)
	inputs := short(map[string]string{"READER_NODE": "other", "LIB_IMAGE": *image, "KEEP": "true", "NEGATIVE_CONTROL": "false"})
	watcher := newTerminal(t, engines)
	phase{happens: creation, what: "read-pod"}.foresee(t, engines, func() {
		code, listed, _ := watcher.does("cleanup", "--yes")
		assert.Equal(t, 0, code)
		assert.Contains(t, listed, "still runs", "what a live engine has made is not touched")
	})
	start(t, engines, inputs)

	// So does the service account see what the engine's sees.
	code, out, _ := at.does(at.run("--reader-node", "other", "--keep", "-o", "json", "--bundle", "evidence", "--as", "system:serviceaccount:"+mine.Name+":"+account)...)
	require.Equal(t, 0, code)
	var result result.Result
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	assert.Equal(t, judge.Pass, result.Verdict)

	o := await(t, engines)
	theirs, err := json.Marshal(o.result)
	require.NoError(t, err)
	assert.JSONEq(t, normal(t, theirs, engines.Name), normal(t, []byte(out), mine.Name))

	t.Run("the evidence is read", func(t *testing.T) { evidenceIsRead(terminal{t, mine, at.folder}) })
	t.Run("the journal is held to it", func(t *testing.T) { journalIsHeldToIt(terminal{t, mine, at.folder}) })
	t.Run("what was kept is removed where it is asked for", func(t *testing.T) { keptIsRemoved(terminal{t, mine, at.folder}, result.RunID) })
}

// normal is a result without what tells one run from another: ids, times, counts, nodes.
// Of a list it keeps one element that has all that any of them has.
func normal(t *testing.T, content []byte, namespace string) string {
	t.Helper()
	var result map[string]any
	require.NoError(t, json.Unmarshal(content, &result))
	delete(result, "engine") // only one of them has one
	result["cluster"].(map[string]any)["server"] = "the API server's address, from where it was asked"
	normalized, err := json.MarshalIndent(plain(result, namespace), "", " ")
	require.NoError(t, err)
	return string(normalized)
}

var (
	aTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z?`)
	anID    = regexp.MustCompile(`[0-9a-f]{8,}(-[0-9a-f]{4,})*`)
	aNumber = regexp.MustCompile(`\d+( \d{3})*`)
)

func plain(value any, namespace string) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key], namespace)
		}
		return v
	case []any:
		return together(v, namespace)
	case float64:
		return "#"
	case string:
		for _, kind := range []*regexp.Regexp{aTime, anID, aNumber} {
			v = kind.ReplaceAllString(strings.ReplaceAll(v, namespace, "NAMESPACE"), "#")
		}
		return v
	}
	return value
}

// together is one element for all of a list; words stay as they are.
func together(list []any, namespace string) any {
	merged := map[string]any{}
	var words []any
	for _, one := range list {
		fields, ok := plain(one, namespace).(map[string]any)
		if !ok {
			words = append(words, plain(one, namespace))
			continue
		}
		for key, value := range fields {
			merged[key] = value
		}
	}
	if len(words) > 0 {
		return words
	}
	return merged
}

func evidenceIsRead(t terminal) {
	code, out, _ := t.does("report", "evidence")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "KEPT")
	code, out, _ = t.does("report", "evidence", "--form", "junit")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "<testsuites")
}

// journalIsHeldToIt takes the journal from the volume, as from any disk image.
func journalIsHeldToIt(t terminal) {
	content, err := os.ReadFile(volumeFile(t.T, t.ns))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(t.folder, "whole.log"), content, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(t.folder, "cut.log"), content[:recordSize], 0o600))
	for _, held := range [][]string{{"--bundle", "evidence"}, {"--ledger", "evidence/ledger.json"}} {
		code, out, _ := t.does(append([]string{"verify", "--journal", "whole.log"}, held...)...)
		assert.Equal(t, 0, code)
		assert.Contains(t, out, "acknowledged records are there")
		code, out, _ = t.does(append([]string{"verify", "--journal", "cut.log"}, held...)...)
		assert.Equal(t, 1, code)
		assert.Contains(t, out, fmt.Sprintf("at byte %d", recordSize), "where it was cut")
	}
}

func keptIsRemoved(t terminal, run string) {
	code, out, _ := t.does("cleanup", "--yes")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "it was asked to keep this")
	claims, err := t.ns.Kube.CoreV1().PersistentVolumeClaims(t.ns.Name).List(within(t.T), metav1.ListOptions{LabelSelector: kube.RunLabel + "=" + run})
	require.NoError(t, err)
	require.Len(t, claims.Items, 1, "it is still there")
	code, _, _ = t.does("cleanup", "--yes", "--run", run)
	assert.Equal(t, 0, code)
	requireNothingLeft(t.T, t.ns)
}

func TestAPersonSeesALoss(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	code, out, said := at.does(at.run("--volume-source", "emptyDir", "-o", "junit", "--keep-in-cluster")...)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "<testsuites")
	assert.Contains(t, out, "<failure")
	assert.Contains(t, said, "Evidence   "+at.folder)
	requireNothingLeft(t, at.ns)

	code, out, _ = at.does("report", "list", "-o", "json")
	assert.Equal(t, 0, code)
	var kept []struct{ Name, Run, Verdict string }
	require.NoError(t, json.Unmarshal([]byte(out), &kept))
	require.Len(t, kept, 1)
	assert.Equal(t, "Fail", kept[0].Verdict)
	code, out, _ = at.does("report", kept[0].Run[:13], "--form", "json")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, `"run": "`+kept[0].Run+`"`)
}

func TestAPersonRunsWhatAnEngineSays(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	charts, err := filepath.Abs("../../charts/volume-durability")
	require.NoError(t, err)
	code, out, said := at.does(at.run("--engine", charts+"/engine.yaml", "--engine", charts+"/experiment.yaml")...)
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "KEPT")
	assert.Contains(t, said, "write-pod", "it says what it will make")
	requireNothingLeft(t, at.ns)
}

// What a claim needs beyond a class is in a manifest; what makes it a cell's is not.
func TestAClaimIsMadeOfATemplate(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := someNamespace(t)
	at := newTerminal(t, ns)
	const template = `{apiVersion: v1, kind: PersistentVolumeClaim,
		metadata: {name: theirs, annotations: {backup: never}},
		spec: {accessModes: [ReadOnlyMany], storageClassName: no-such-class, resources: {requests: {storage: 32Mi}}}}`
	require.NoError(t, os.WriteFile(filepath.Join(at.folder, "claim.yaml"), []byte(template), 0o600))
	code, _, _ := at.does(at.run("--claim-template", "claim.yaml", "--storage-class", "csi-ext4", "--keep")...)
	assert.Equal(t, 0, code)
	claim, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "never", claim.Annotations["backup"])
	assert.Equal(t, "csi-ext4", *claim.Spec.StorageClassName)
	assert.Equal(t, "32Mi", claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)

	require.NoError(t, os.WriteFile(filepath.Join(at.folder, "claim.yaml"), []byte("{apiVersion: v1, kind: PersistentVolumeClaim, spec: {size: 1}}"), 0o600))
	code, _, said := at.does(at.run("--claim-template", "claim.yaml")...)
	assert.Equal(t, 2, code)
	assert.Contains(t, said, `unknown field "size"`)
}

func TestCtrlCLeavesNothing(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	c, out, said := at.command(at.long()...)
	require.NoError(t, c.Start())
	awaitRunning(t, at.ns, "write-pod")
	require.NoError(t, c.Process.Signal(os.Interrupt))
	_ = c.Wait() // its code says it all
	assert.Equal(t, 130, c.ProcessState.ExitCode(), said.String())
	assert.Contains(t, out.String(), "STOPPED")
	requireNothingLeft(t, at.ns)
}

// Ctrl-C ends everything that a pipe consists of: in run 2>&1 | tee, tee goes first.
func TestCtrlCInAPipeLeavesNothing(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	c, _, _ := at.command(at.long()...)
	said, tee, err := os.Pipe()
	require.NoError(t, err)
	c.Stdout, c.Stderr = tee, tee
	require.NoError(t, c.Start())
	require.NoError(t, tee.Close())
	awaitRunning(t, at.ns, "write-pod")
	require.NoError(t, said.Close())
	require.NoError(t, c.Process.Signal(os.Interrupt))
	_ = c.Wait() // its code says it all
	assert.Equal(t, 130, c.ProcessState.ExitCode())
	requireNothingLeft(t, at.ns)
	left, err := filepath.Glob(filepath.Join(at.folder, "volume-durability-*", "manifest.json"))
	require.NoError(t, err)
	assert.Len(t, left, 1, "the evidence is left all the same")
}

func TestWhatAKilledRunLeavesIsCleanedUp(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	c, _, said := at.command(at.long()...)
	require.NoError(t, c.Start())
	awaitRunning(t, at.ns, "write-pod")
	code, out, _ := at.does("cleanup", "--yes", "--older-than", "0")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, fmt.Sprintf("process %d on this machine makes it", c.Process.Pid))

	require.NoError(t, c.Process.Signal(syscall.SIGKILL))
	require.Error(t, c.Wait(), said.String())
	code, out, asked := at.does("cleanup")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "write-pod")
	assert.Contains(t, out, "stig-pvc")
	assert.Contains(t, asked, "--yes goes ahead")
	code, _, _ = at.does("cleanup", "--yes")
	assert.Equal(t, 0, code)
	requireNothingLeft(t, at.ns)
}

func TestAFolderThatAKilledRunLeavesOnAClaimIsCleanedUp(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	claimOf(t, at.ns, "shared", corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	c, _, said := at.command(append(at.long(), "--existing-claim", "claim")...)
	require.NoError(t, c.Start())
	awaitRunning(t, at.ns, "write-pod")
	ours := filepath.Join(volumeFolder(t, at.ns), "volume-durability-*", "logs.log")
	eventually(t, func() bool {
		found, err := filepath.Glob(ours)
		return err == nil && len(found) == 1
	})
	require.NoError(t, c.Process.Signal(syscall.SIGKILL))
	require.Error(t, c.Wait(), said.String())
	code, out, _ := at.does("cleanup", "--yes")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "of claim claim")
	left, err := os.ReadDir(volumeFolder(t, at.ns))
	require.NoError(t, err)
	assert.Empty(t, left)
	pods, err := at.ns.Kube.CoreV1().Pods(at.ns.Name).List(within(t), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, pods.Items)
}

func TestTheDoctorSaysWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	at := newTerminal(t, someNamespace(t))
	code, out, _ := at.does("doctor", "--reader-node", "other")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "✓ yes")
	assert.Contains(t, out, "shared (default)")
	assert.NotContains(t, out, "✗ no")

	code, out, _ = at.does("doctor", "--as", "system:serviceaccount:"+at.ns.Name+":"+account)
	assert.Equal(t, 0, code, "the chart's Role is enough")
	assert.Contains(t, out, "loses evidence above remounted")

	quota(corev1.ResourcePersistentVolumeClaims, "0")(t, at.ns)
	code, out, _ = at.does("doctor", "--as", "system:serviceaccount:"+at.ns.Name+":default", "--storage-class", "none")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "not allowed to create")
	code, out, _ = at.does("doctor", "--storage-class", "none")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "there is no none")
	assert.Contains(t, out, "exceeded quota")
	requireNothingLeft(t, at.ns)
}
