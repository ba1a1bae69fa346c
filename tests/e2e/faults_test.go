package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// These tests run faults of litmus-go with the probes of docs/probes.md.

func TestProbeRecipe_PassesInPodDelete(t *testing.T) {
	t.Parallel()
	ns := withVictim(t)
	result := runFault(t, ns, "pod-delete", podDelete(), recipe(t))
	requireKept(t, result)
	assert.FileExists(t, probesJournal(t, ns))
}

func TestProbeRecipe_PassesInPodAutoscaler(t *testing.T) {
	t.Parallel()
	ns := withVictim(t)
	// The fault fails if the replicas are not ready when the chaos ends.
	env := map[string]string{"TOTAL_CHAOS_DURATION": "30", "REPLICA_COUNT": "3"}
	result := runFault(t, ns, "pod-autoscaler", env, recipe(t))
	requireKept(t, result)
	assert.FileExists(t, probesJournal(t, ns))
}

// podDelete returns the environment of a short pod-delete.
func podDelete() map[string]string {
	return map[string]string{"TOTAL_CHAOS_DURATION": "5", "CHAOS_INTERVAL": "3"}
}

// requireKept fails the test unless the fault and both probes passed.
func requireKept(t *testing.T, result *chaosv1alpha1.ChaosResult) {
	t.Helper()
	o := outcome{ChaosResult: result}
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "write").Verdict)
	assert.Contains(t, o.probe(t, "write").Description, "ledger1.")
	passed := chaosv1alpha1.ProbeStatus{Verdict: "Passed", Description: "Actual value: 'kept'. Expected value: 'kept'"}
	assert.Equal(t, passed, o.probe(t, "verify"))
}

// The journal is truncated between the two probes.
func TestProbeRecipe_ReportsLostRecords(t *testing.T) {
	t.Parallel()
	const kept = 100
	ns := withVictim(t)
	truncate := func() error { return os.Truncate(probesJournal(t, ns), kept*recordSize) }
	beforePod(t, ns, secondProbe("pod-delete"), truncate)
	o := outcome{ChaosResult: runFault(t, ns, "pod-delete", podDelete(), recipe(t))}
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "write").Verdict)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictFailed, o.probe(t, "verify").Verdict)
	assert.Contains(t, o.probe(t, "verify").Description, "Actual value: lost: lost-tail: "+
		"900 acknowledged records epoch 1 sequence 101 to 1 000; file /data/durability-")
	assert.Equal(t, "50", o.Status.ExperimentStatus.ProbeSuccessPercentage)
}

// Without the first probe there is no ledger to compare the journal with.
func TestProbeRecipe_WithoutLedgerIsAnError(t *testing.T) {
	t.Parallel()
	ns := withVictim(t)
	o := outcome{ChaosResult: runFault(t, ns, "pod-delete", podDelete(), recipe(t)[1:])}
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.NotEqual(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict)
}

// secondProbe returns a function that matches the second pod that a fault creates for a command probe.
func secondProbe(fault string) func(pod string) bool {
	seen := 0
	return func(pod string) bool {
		if strings.HasPrefix(pod, fault+"-probe-") {
			seen++
		}
		return seen == 2
	}
}

// probesJournal returns the path of the journal that the first probe wrote.
func probesJournal(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	found, err := filepath.Glob(volumeFolder(t, ns) + "/durability-*.log")
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// recipe returns the probes of docs/probes.md, with the test's image and claim.
func recipe(t *testing.T) []chaosv1alpha1.ProbeAttributes {
	t.Helper()
	probes, err := chaosengine.ProbeRecipe("../../docs/probes.md", *image)
	require.NoError(t, err)
	require.Len(t, probes, 2)
	return probes
}

// withVictim creates a namespace with a Deployment whose pod mounts a claim, and the
// permissions that the faults of litmus-go need. The pods of command probes need the level
// Baseline.
func withVictim(t *testing.T) *chaosengine.Namespace {
	t.Helper()
	requireTestCluster(t)
	return withVictimOf(t, "shared", chaosengine.VictimDeployment(*image))
}

// withVictimOf does the same with a StorageClass and a Deployment.
func withVictimOf(t *testing.T, class string, deployment *appsv1.Deployment) *chaosengine.Namespace {
	t.Helper()
	ns := namespaceOf(t, "e2e-"+rand.String(6), chaosengine.Baseline)
	require.NoError(t, ns.CreateVictim(within(t), class, deployment))
	return ns
}

// runFault runs a fault of litmus-go against the victim, and returns its ChaosResult.
func runFault(
	t *testing.T, ns *chaosengine.Namespace, fault string, env map[string]string, probes []chaosv1alpha1.ProbeAttributes,
) *chaosv1alpha1.ChaosResult {
	t.Helper()
	return runFaultOf(t, ns, fault, chaosv1alpha1.ExperimentAttributes{Probe: probes}, env)
}

// runFaultOf does the same with all attributes of the fault.
func runFaultOf(
	t *testing.T, ns *chaosengine.Namespace, fault string, attributes chaosv1alpha1.ExperimentAttributes,
	env map[string]string,
) *chaosv1alpha1.ChaosResult {
	t.Helper()
	started := chaosengine.Fault{Name: fault, Env: env, Attributes: attributes}
	require.NoError(t, ns.StartFault(within(t), started))
	t.Cleanup(func() { logIfFailed(t, ns) })
	result, err := ns.AwaitFault(within(t), chaosengine.EngineName, fault)
	require.NoError(t, err)
	return result
}

// logIfFailed prints the log of the fault if the test has failed.
func logIfFailed(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	if !t.Failed() {
		return
	}
	log, err := ns.Log(within(t), chaosengine.EngineName)
	t.Logf("%s\n%v", log, err)
}
