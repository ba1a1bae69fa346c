package e2e

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// Two engines of one namespace that want the same names: one has them, the other
// leaves what is the first one's alone.
func TestTwoEnginesDoNotGetInEachOthersWay(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	own := short(map[string]string{"CLAIM_NAME": "own-pvc", "WRITER_POD": "own-writer", "READER_POD": "own-reader"})
	for name, env := range map[string]map[string]string{"one": several(nil), "two": several(nil), "three": own} {
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: env}))
	}
	results := map[string]result.Result{}
	for _, name := range []string{"one", "two", "three"} {
		result, err := ns.Await(within(t), name)
		require.NoError(t, err)
		log, err := ns.Log(within(t), name)
		require.NoError(t, err)
		results[name], err = chaosengine.ParseResult(log)
		require.NoError(t, err, log)
		assert.Equal(t, string(results[name].Verdict), string(result.Status.ExperimentStatus.Verdict))
	}
	assert.Equal(t, judge.Pass, results["three"].Verdict, results["three"].Reason)
	var passed []result.Cell
	for _, r := range []result.Result{results["one"], results["two"]} {
		if r.Verdict == judge.Pass {
			passed = append(passed, r.Cells[0])
			continue
		}
		assert.Equal(t, judge.Error, r.Verdict)
		assert.Contains(t, r.Reason, "already exists and was not created by this run")
	}
	require.NotEmpty(t, passed)
	if len(passed) == 2 { // the operator was busy: one began when the other had ended
		slices.SortFunc(passed, func(x, y result.Cell) int { return x.Epochs[0].FirstAckAt.Compare(y.Epochs[0].FirstAckAt) })
		assert.True(t, passed[0].Reader.Seen.Before(passed[1].Epochs[0].FirstAckAt), "both had the same names at once")
	}
	requireNothingLeft(t, ns)
}

// Two engines of two namespaces that run at once, with the same names: neither asks
// for anything in the other's.
func TestEnginesOfTwoNamespacesDoNotMeet(t *testing.T) {
	t.Parallel()
	both := []*chaosengine.Namespace{someNamespace(t), someNamespace(t)}
	for _, ns := range both {
		start(t, ns, several(nil))
	}
	for _, ns := range both {
		o := await(t, ns)
		assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
		requireNothingLeft(t, ns)
		asked := requestsOf(t, ns.Name)
		require.NotEmpty(t, asked)
		for _, r := range asked {
			if !r.refused() { // the cluster-wide reads of rbac-optional.yaml
				assert.Equal(t, ns.Name, r.ObjectRef.Namespace, r.permission())
			}
		}
	}
}

// Somebody else's files on an existing claim stay as they are, byte for byte.
func TestAnExistingClaimKeepsWhatItHolds(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: "first", Env: short(map[string]string{"KEEP": "true"})}))
	first, err := ns.Await(within(t), "first")
	require.NoError(t, err)
	require.Equal(t, chaosv1alpha1.ResultVerdictPassed, first.Status.ExperimentStatus.Verdict)

	volume := filepath.Dir(volumeFile(t, ns))
	require.NoError(t, os.MkdirAll(filepath.Join(volume, "theirs"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(volume, "theirs", "data"), []byte("somebody's data"), 0o600))
	before, claim := sums(t, volume), theClaim(t, ns)

	onTheClaim := func(name, keep string) {
		t.Helper()
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: several(map[string]string{"EXISTING_CLAIM": "stig-pvc", "READER_POD": name + "-reader", "KEEP": keep})}))
		result, err := ns.Await(within(t), name)
		require.NoError(t, err)
		require.Equal(t, chaosv1alpha1.ResultVerdictPassed, result.Status.ExperimentStatus.Verdict, result.Status.ExperimentStatus.ErrorOutput)
	}
	onTheClaim("second", "false")
	assert.Equal(t, before, sums(t, volume), "nothing of ours is left, nor anything of theirs changed")
	assert.Equal(t, claim, theClaim(t, ns))

	onTheClaim("third", "true")
	after := sums(t, volume)
	kept, err := filepath.Glob(filepath.Join(volume, "volume-durability-*", "logs.log"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	delete(after, kept[0])
	assert.Equal(t, before, after, "all that was written is in a folder of our own")
}

// Our folder on somebody else's claim goes too where the experiment is killed: the
// next attempt knows its name.
func TestAKilledExperimentLeavesNothingOnAnExistingClaim(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	claimOf(t, ns, "shared", corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	start(t, ns, map[string]string{"EXISTING_CLAIM": "claim", "TOTAL_CHAOS_DURATION": "600", "CHAOS_INTERVAL": "600"})
	inChaos(t, ns)
	volume := volumeFolder(t, ns)
	require.NoError(t, os.WriteFile(filepath.Join(volume, "theirs"), []byte("somebody's data"), 0o600))
	ours, err := filepath.Glob(filepath.Join(volume, "volume-durability-*"))
	require.NoError(t, err)
	require.Len(t, ours, 1)
	killExperiment(t, ns)
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Contains(t, o.result.Reason, "folder "+filepath.Base(ours[0])+" of claim claim")
	left, err := os.ReadDir(volume)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "theirs", left[0].Name())
}

// sums are the checksums of all files below a folder.
func sums(t *testing.T, folder string) map[string][sha256.Size]byte {
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

// theClaim is the namespace's claim, as far as a run could change it.
func theClaim(t *testing.T, ns *chaosengine.Namespace) metav1.ObjectMeta {
	t.Helper()
	claim, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	require.NoError(t, err)
	return metav1.ObjectMeta{UID: claim.UID, Labels: claim.Labels, OwnerReferences: claim.OwnerReferences, ResourceVersion: claim.ResourceVersion}
}
