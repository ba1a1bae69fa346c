package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

const (
	// account is the chart's service account, and the name of its Role.
	account = "volume-durability-sa"
	// auditLogs are where the API server of the test cluster writes who did what.
	auditLogs = "/var/lib/volume-durability-cluster/logs/audit*.log"
	// runnersAgent is what the stand-in for chaos-runner calls itself. The experiment
	// has no such name in all of its requests: it executes commands under none.
	runnersAgent = "runner/"
)

// onlyTheRunners are what the Role grants for Litmus's chaos-runner alone, which
// works as the same service account, and why.
func onlyTheRunners() map[string]string {
	return map[string]string{
		permission("get", "litmuschaos.io", "chaosexperiments"): "it makes the Job of the ChaosExperiment",
		permission("create", "batch", "jobs"):                   "it starts the Job",
		permission("delete", "batch", "jobs"):                   "it deletes the Job where jobCleanUpPolicy is delete",
	}
}

// permission is one verb on one kind of object.
func permission(verb, group, resource string) string {
	return fmt.Sprintf("%s %s/%s", verb, group, resource)
}

// Runs that need between them all that a run may need: what they ask the API server
// for is what the chart's Roles grant, no more and no less.
func TestTheRolesGrantWhatIsUsed(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns, err := connect(t).NewNamespace(within(t), "e2e-"+rand.String(6), chaosengine.Baseline)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Remove(within(t))) })

	everyNeed(t, ns)

	experiment, refused := asked(t, ns.Name)
	role, err := ns.Kube.RbacV1().Roles(ns.Name).Get(within(t), account, metav1.GetOptions{})
	require.NoError(t, err)
	needed := slices.AppendSeq(experiment, maps.Keys(onlyTheRunners()))
	slices.Sort(needed)
	assert.Equal(t, needed, permissions(role.Rules), "rbac.yaml grants what is needed")
	optionalRole, _, err := ns.OptionalRBAC()
	require.NoError(t, err)
	assert.Subset(t, permissions(optionalRole.Rules), refused, "rbac-optional.yaml grants what is asked for besides")
}

// everyNeed makes the runs, and checks that they came to what they were made for.
func everyNeed(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	begin := func(name string, env map[string]string, probes ...chaosv1alpha1.ProbeAttributes) {
		all := short(map[string]string{"WRITER_POD": name + "-writer", "READER_POD": name + "-reader", "CLAIM_NAME": name + "-claim"})
		maps.Copy(all, env)
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: all, Probes: probes}))
	}
	inAPod := command("elsewhere", "SOT", "echo 1", "1")
	inAPod.CmdProbeInputs.Source = &chaosv1alpha1.SourceDetails{Image: ns.Image}
	stopping := command("stopping", "Continuous", "echo 2", "1")
	stopping.RunProperties.StopOnFailure = true

	begin("existing", map[string]string{"EXISTING_CLAIM": existingClaim(t, ns)}, inAPod)
	begin("no-image", map[string]string{"LIB_IMAGE": "volume-durability.test/none:test", "LIB_IMAGE_PULL_POLICY": "Never"})
	begin("stopped", map[string]string{"TOTAL_CHAOS_DURATION": "600", "CHAOS_INTERVAL": "600"}, stopping)

	stopsAgain(t, ns, "stopped")
	for name, want := range map[string]chaosv1alpha1.ResultVerdict{"existing": "Pass", "no-image": "Error"} {
		_, err := ns.AwaitCompleted(within(t), name)
		require.NoError(t, err)
		result, err := ns.Await(within(t), name)
		require.NoError(t, err)
		assert.Equal(t, want, result.Status.ExperimentStatus.Verdict, name)
	}
	log, err := ns.Log(within(t), "existing")
	require.NoError(t, err)
	assert.Contains(t, log, "The nodes' labels cannot be read: assuming Kubernetes", "what a run without rbac-optional.yaml cannot see")
	assert.Contains(t, log, "Could not read the namespace; assuming that it exists")
}

func existingClaim(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: options.Defaults().ClaimSize}},
	}}
	_, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
	return claim.Name
}

// stopsAgain waits for an engine to be stopped by its probe, and has it run again:
// what the first run said in events is then said again.
func stopsAgain(t *testing.T, ns *chaosengine.Namespace, name string) {
	t.Helper()
	for _, run := range []int{1, 2} {
		_, err := ns.AwaitResult(within(t), name, "volume-durability", func(result *chaosv1alpha1.ChaosResult) bool {
			return result.Status.History != nil && result.Status.History.StoppedRuns == run
		})
		require.NoError(t, err)
		_, err = ns.AwaitStatus(within(t), name, chaosv1alpha1.EngineStatusStopped)
		require.NoError(t, err)
		if run == 2 {
			return
		}
		active := []byte(`{"spec":{"engineState":"active"}}`)
		_, err = ns.Litmus.LitmuschaosV1alpha1().ChaosEngines(ns.Name).Patch(within(t), name, "application/merge-patch+json", active, metav1.PatchOptions{})
		require.NoError(t, err)
	}
}

// grantOptional applies rbac-optional.yaml for a namespace, under its name, until the test is over.
func grantOptional(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	revoke, err := ns.GrantOptionalRBAC(within(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, revoke(within(t))) })
}

// With rbac-optional.yaml a run sees what it has to take for granted without.
func TestWhatARunSeesWithTheOptionalRole(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	grantOptional(t, ns)
	role, _, err := ns.OptionalRBAC()
	require.NoError(t, err)
	begin := func(name string, env map[string]string) *chaosv1alpha1.ChaosResult {
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: short(env)}))
		result, err := ns.Await(within(t), name)
		require.NoError(t, err)
		return result
	}

	missing := begin("missing", map[string]string{"WORKLOAD_NAMESPACE": "no-such-namespace"})
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, missing.Status.ExperimentStatus.Verdict)
	require.NotNil(t, missing.Status.ExperimentStatus.ErrorOutput)
	assert.Contains(t, missing.Status.ExperimentStatus.ErrorOutput.Reason, "namespace no-such-namespace does not exist. What to do: kubectl create namespace no-such-namespace")

	labelSwarm(t, ns, "n1")
	one := begin("one-of-two", nil)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, one.Status.ExperimentStatus.Verdict)
	log, err := ns.Log(within(t), "one-of-two")
	require.NoError(t, err)
	assert.NotRegexp(t, `msg="[^"]* cannot be (read|seen|looked up): `, log)
	assert.NotContains(t, log, "the nodes' labels could not be read")
	// The classes are looked up before the quota leaves room for none of their claims.
	quota(corev1.ResourcePersistentVolumeClaims, "0")(t, ns)
	classes := begin("classes", map[string]string{"STORAGE_CLASSES": "*"})
	assert.NotEqual(t, chaosv1alpha1.ResultVerdictPassed, classes.Status.ExperimentStatus.Verdict)

	experiment, refused := asked(t, ns.Name)
	for _, p := range permissions(role.Rules) {
		assert.NotContains(t, refused, p)
	}
	assert.Subset(t, experiment, permissions(role.Rules), "it grants no more than is used")
	requireNothingLeft(t, ns)
}

// Every run that may see the nodes' labels is Not Applicable meanwhile: this test is
// by itself.
func TestSwarmOnEveryNodeIsNotApplicable(t *testing.T) {
	ns := someNamespace(t)
	grantOptional(t, ns)
	labelSwarm(t, ns, "n1")
	labelSwarm(t, ns, "n2")
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdict("N/A"), o.verdict())
	assert.Contains(t, o.probe(t, "verify").Description, "Not Applicable: the orchestrator is Swarm, according to the label ")
	requireNothingLeft(t, ns)
	requireNotApplicable(t, requireEvidence(t, ns, o))
}

// requireNotApplicable fails where an assessor's checklist does not say so.
func requireNotApplicable(t *testing.T, evidence bundle.Bundle) {
	t.Helper()
	checklist, err := evidence.File("checklist.ckl")
	require.NoError(t, err)
	assert.Contains(t, string(checklist), "<STATUS>Not_Applicable</STATUS>")
}

// labelSwarm has a node say that Swarm orchestrates on it, until the test is over.
func labelSwarm(t *testing.T, ns *chaosengine.Namespace, node string) {
	t.Helper()
	label := func(value string) error {
		patch := []byte(`{"metadata":{"labels":{"com.docker.ucp.orchestrator.swarm":` + value + `}}}`)
		_, err := ns.Kube.CoreV1().Nodes().Patch(within(t), node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		return err
	}
	t.Cleanup(func() { require.NoError(t, label("null")) })
	require.NoError(t, label(`"true"`))
}

func permissions(rules []rbacv1.PolicyRule) (all []string) {
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, permission(verb, group, resource))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// asked is what the chart's service account in a namespace asked the API server
// for: what the experiment was allowed, and what anybody was refused.
func asked(t *testing.T, namespace string) (experiment, refused []string) {
	t.Helper()
	allowed, forbidden := map[string]bool{}, map[string]bool{}
	for _, r := range requestsOf(t, namespace) {
		switch {
		case r.refused():
			forbidden[r.permission()] = true
		case !strings.HasPrefix(r.UserAgent, runnersAgent):
			allowed[r.permission()] = true
		}
	}
	return slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(forbidden))
}

// requestsOf are all that the chart's service account in a namespace made.
func requestsOf(t *testing.T, namespace string) (all []request) {
	t.Helper()
	logs, err := filepath.Glob(auditLogs)
	require.NoError(t, err)
	for _, file := range logs {
		all = append(all, requests(t, file, "system:serviceaccount:"+namespace+":"+account)...)
	}
	return all
}

// request is what the audit log holds of one (k8s.io/apiserver/pkg/apis/audit/v1 Event).
type request struct {
	Verb, UserAgent string
	User            struct{ Username string }
	ObjectRef       struct{ APIGroup, Resource, Subresource, Namespace string }
	Annotations     map[string]string
}

func (r request) refused() bool { return r.Annotations["authorization.k8s.io/decision"] == "forbid" }

func (r request) permission() string {
	resource := r.ObjectRef.Resource
	if r.ObjectRef.Subresource != "" {
		resource += "/" + r.ObjectRef.Subresource
	}
	return permission(r.Verb, r.ObjectRef.APIGroup, resource)
}

func requests(t *testing.T, file, user string) (all []request) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(user)) {
			continue
		}
		var r request
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		// What is no object, the API server's version for example, anybody may read.
		if r.User.Username == user && r.ObjectRef.Resource != "" {
			all = append(all, r)
		}
	}
	require.NoError(t, lines.Err(), file)
	return all
}
