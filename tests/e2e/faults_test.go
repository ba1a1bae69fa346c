package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// These tests run faults of litmus-go with the probes of docs/probes.md.

const (
	faultsImage = "volume-durability.test/litmus-faults:test"
	faultsUser  = "faults"
	victim      = "victim"
)

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
	document, err := os.ReadFile("../../docs/probes.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(document), "<!-- recipe -->\n```yaml\n")
	require.True(t, found)
	text, _, found := strings.Cut(rest, "```\n<!-- /recipe -->")
	require.True(t, found)
	text = strings.NewReplacer("volume-durability/volume-durability:latest", *image, "YOUR-CLAIM", victim).Replace(text)
	var attributes chaosv1alpha1.ExperimentAttributes
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &attributes))
	require.Len(t, attributes.Probe, 2)
	return attributes.Probe
}

// withVictim creates a namespace with a Deployment whose pod mounts a claim, and the
// permissions that the faults of litmus-go need. The pods of command probes need the level
// Baseline.
func withVictim(t *testing.T) *chaosengine.Namespace {
	t.Helper()
	requireTestCluster(t)
	return withVictimOf(t, "shared", victimDeployment())
}

// withVictimOf does the same with a StorageClass and a Deployment.
func withVictimOf(t *testing.T, class string, deployment *appsv1.Deployment) *chaosengine.Namespace {
	t.Helper()
	ns := namespaceOf(t, "e2e-"+rand.String(6), chaosengine.Baseline)
	claim := newClaim(victim, resource.MustParse("1Gi"))
	claim.Spec.StorageClassName = &class
	_, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = ns.Kube.AppsV1().Deployments(ns.Name).Create(within(t), deployment, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, allowFaults(t, ns))
	return ns
}

func victimDeployment() *appsv1.Deployment {
	labels := map[string]string{"app": victim}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: victim, Labels: labels}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](1),
			Containers: []corev1.Container{{
				Name: "sleep", Image: *image, ImagePullPolicy: corev1.PullNever, Command: []string{"sleep", "100000"},
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: victim},
			}}},
		}},
	}}
}

// allowFaults grants a service account the permissions that Litmus's hub grants, and the
// permission to run commands in the pods of probes.
func allowFaults(t *testing.T, ns *chaosengine.Namespace) error {
	t.Helper()
	meta := metav1.ObjectMeta{Name: faultsUser}
	all := []string{"create", "delete", "get", "list", "patch", "update", "watch"}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods", "pods/log", "events"}, Verbs: all},
		{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}},
		{
			APIGroups: []string{"apps"}, Resources: []string{"deployments", "replicasets"},
			Verbs: []string{"get", "list", "update"},
		},
		{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: all},
		{
			APIGroups: []string{"litmuschaos.io"},
			Resources: []string{"chaosengines", "chaosexperiments", "chaosresults"}, Verbs: all,
		},
	}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: faultsUser},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: faultsUser, Namespace: ns.Name}},
	}
	serviceAccount := &corev1.ServiceAccount{ObjectMeta: meta}
	_, errAccount := ns.Kube.CoreV1().ServiceAccounts(ns.Name).Create(within(t), serviceAccount, metav1.CreateOptions{})
	_, errRole := ns.Kube.RbacV1().Roles(ns.Name).Create(within(t), role, metav1.CreateOptions{})
	_, errBinding := ns.Kube.RbacV1().RoleBindings(ns.Name).Create(within(t), binding, metav1.CreateOptions{})
	return errors.Join(errAccount, errRole, errBinding)
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
	litmus := ns.Litmus.LitmuschaosV1alpha1()
	definition := chaosv1alpha1.ExperimentDef{
		Scope: "Namespaced", Permissions: []rbacv1.PolicyRule{}, Image: faultsImage, ImagePullPolicy: corev1.PullNever,
		Command: []string{"/usr/local/bin/faults"}, Args: []string{fault}, Labels: map[string]string{"name": fault},
	}
	experiment := &chaosv1alpha1.ChaosExperiment{
		ObjectMeta: metav1.ObjectMeta{Name: fault}, Spec: chaosv1alpha1.ChaosExperimentSpec{Definition: definition},
	}
	_, err := litmus.ChaosExperiments(ns.Name).Create(within(t), experiment, metav1.CreateOptions{})
	require.NoError(t, err)
	for name, value := range env {
		attributes.Components.ENV = append(attributes.Components.ENV, corev1.EnvVar{Name: name, Value: value})
	}
	e := &chaosv1alpha1.ChaosEngine{ObjectMeta: metav1.ObjectMeta{Name: "engine"}, Spec: chaosv1alpha1.ChaosEngineSpec{
		Appinfo: chaosv1alpha1.ApplicationParams{
			Appns: ns.Name, Applabel: "app=" + victim, AppKind: "deployment",
		},
		ChaosServiceAccount: faultsUser,
		EngineState:         chaosv1alpha1.EngineStateActive,
		JobCleanUpPolicy:    chaosv1alpha1.CleanUpPolicyRetain,
		Experiments:         []chaosv1alpha1.ExperimentList{{Name: fault, Spec: attributes}},
	}}
	_, err = litmus.ChaosEngines(ns.Name).Create(within(t), e, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { logIfFailed(t, ns) })
	result, err := ns.AwaitFault(within(t), e.Name, fault)
	require.NoError(t, err)
	return result
}

// logIfFailed prints the log of the fault if the test has failed.
func logIfFailed(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	if !t.Failed() {
		return
	}
	log, err := ns.Log(within(t), "engine")
	t.Logf("%s\n%v", log, err)
}
