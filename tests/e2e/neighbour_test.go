package e2e

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// Two engines in one namespace use the same names: one gets them, and the other does not
// touch the objects of the first. A third one uses other names.
func TestEngines_WithTheSameNamesDoNotInterfere(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	own := short(map[string]string{"CLAIM_NAME": "own-pvc", "WRITER_POD": "own-writer", "READER_POD": "own-reader"})
	same := severalDeletions(nil)
	for name, env := range map[string]map[string]string{"one": same, "two": same, "three": own} {
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: env}))
	}
	results := map[string]result.Result{}
	for _, name := range []string{"one", "two", "three"} {
		chaosResult, err := ns.Await(within(t), name)
		require.NoError(t, err)
		log, err := ns.Log(within(t), name)
		require.NoError(t, err)
		results[name], err = chaosengine.ParseResult(log)
		require.NoError(t, err, log)
		requireNoWarning(t, log)
		assert.Equal(t, string(results[name].Verdict), string(chaosResult.Status.ExperimentStatus.Verdict))
	}
	assert.Equal(t, judge.Pass, results["three"].Verdict, results["three"].Reason)
	var passed []result.Cell
	for _, r := range []result.Result{results["one"], results["two"]} {
		if r.Verdict == judge.Pass {
			passed = append(passed, r.Cells[0])
			continue
		}
		assert.Equal(t, judge.Error, r.Verdict)
		assert.Contains(t, r.Reason, "already exists and was ")
	}
	require.NotEmpty(t, passed)
	if len(passed) == 2 { // the operator started one after the other had ended
		firstAck := func(c result.Cell) time.Time { return c.Epochs[0].FirstAckAt }
		slices.SortFunc(passed, func(x, y result.Cell) int { return firstAck(x).Compare(firstAck(y)) })
		assert.True(t, passed[0].Reader.ReceivedAt.Before(firstAck(passed[1])), "both used the same names at the same time")
	}
	requireNothingLeft(t, ns)
}

// Two engines in two namespaces run at the same time with the same names. Neither sends a
// request about the namespace of the other.
func TestEngines_InTwoNamespacesAreIndependent(t *testing.T) {
	t.Parallel()
	both := []*chaosengine.Namespace{newNamespace(t), newNamespace(t)}
	for _, ns := range both {
		start(t, ns, severalDeletions(nil))
	}
	for _, ns := range both {
		o := await(t, ns)
		assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
		requireNothingLeft(t, ns)
		sent := requestsOf(t, ns.Name)
		require.NotEmpty(t, sent)
		for _, r := range sent {
			if !r.refused() { // refused ones are the cluster-wide reads that rbac-optional.yaml would grant
				assert.Equal(t, ns.Name, r.ObjectRef.Namespace, r.permission())
			}
		}
	}
}

// A run does not change the files of others on an existing claim.
func TestExistingClaim_KeepsForeignFiles(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	keep := short(map[string]string{"KEEP": "true"})
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: "first", Env: keep}))
	first, err := ns.Await(within(t), "first")
	require.NoError(t, err)
	require.Equal(t, chaosv1alpha1.ResultVerdictPassed, first.Status.ExperimentStatus.Verdict)

	volume := filepath.Dir(volumeFile(t, ns))
	require.NoError(t, os.MkdirAll(filepath.Join(volume, "foreign"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(volume, "foreign", "data"), []byte("foreign data"), 0o600))
	before, claim := checksums(t, volume), claimMeta(t, ns)

	runOnClaim := func(name, keep string) {
		t.Helper()
		env := severalDeletions(map[string]string{
			"EXISTING_CLAIM": "stig-pvc", "READER_POD": name + "-reader", "KEEP": keep,
		})
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: env}))
		chaosResult, err := ns.Await(within(t), name)
		require.NoError(t, err)
		status := chaosResult.Status.ExperimentStatus
		require.Equal(t, chaosv1alpha1.ResultVerdictPassed, status.Verdict, status.ErrorOutput)
	}
	runOnClaim("second", "false")
	assert.Equal(t, before, checksums(t, volume), "the run must remove its files and change no others")
	assert.Equal(t, claim, claimMeta(t, ns))

	runOnClaim("third", "true")
	after := checksums(t, volume)
	kept, err := filepath.Glob(filepath.Join(volume, "volume-durability-*", "logs.log"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	delete(after, kept[0])
	assert.Equal(t, before, after, "the run must write only into its own folder")
}

// If the experiment is killed, the next attempt removes its folder from the existing claim.
func TestExistingClaim_KilledExperimentLeavesNothing(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	claimOf(t, ns, "shared", corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	start(t, ns, map[string]string{"EXISTING_CLAIM": "claim", "TOTAL_CHAOS_DURATION": "600", "CHAOS_INTERVAL": "600"})
	awaitChaos(t, ns)
	volume := volumeFolder(t, ns)
	require.NoError(t, os.WriteFile(filepath.Join(volume, "foreign"), []byte("foreign data"), 0o600))
	folders, err := filepath.Glob(filepath.Join(volume, "volume-durability-*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	killExperiment(t, ns)
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Contains(t, o.result.Reason, "folder "+filepath.Base(folders[0])+" of claim claim")
	left, err := os.ReadDir(volume)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "foreign", left[0].Name())
}

// checksums returns the checksums of all files below a folder.
func checksums(t *testing.T, folder string) map[string][sha256.Size]byte {
	t.Helper()
	all := map[string][sha256.Size]byte{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = sha256.Sum256(content)
		return err
	}))
	return all
}

// claimMeta returns the metadata of the claim that a run could change.
func claimMeta(t *testing.T, ns *chaosengine.Namespace) metav1.ObjectMeta {
	t.Helper()
	claim, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	require.NoError(t, err)
	return metav1.ObjectMeta{
		UID: claim.UID, Labels: claim.Labels, OwnerReferences: claim.OwnerReferences,
		ResourceVersion: claim.ResourceVersion,
	}
}
