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
	// account is the name of the chart's service account and of its Role.
	account = "volume-durability-sa"
	// auditLogs matches the audit logs of the test cluster's API server.
	auditLogs = "/var/lib/volume-durability-cluster/logs/audit*.log"
	// runnerUserAgent is how the user agent of tests/chaosrunner begins. That of the
	// experiment's requests is another one, or empty for commands in pods.
	runnerUserAgent = "runner/"
)

// runnerPermissions returns the permissions that only Litmus's chaos-runner needs, and why. It
// uses the same service account.
func runnerPermissions() map[string]string {
	return map[string]string{
		permission("get", "litmuschaos.io", "chaosexperiments"): "it makes the Job of the ChaosExperiment",
		permission("create", "batch", "jobs"):                   "it starts the Job",
		permission("delete", "batch", "jobs"):                   "it deletes the Job where jobCleanUpPolicy is delete",
	}
}

// permission returns a permission as text: a verb, an API group and a resource.
func permission(verb, group, resource string) string {
	return fmt.Sprintf("%s %s/%s", verb, group, resource)
}

// The runs of this test need every permission that any run may need. The requests in the
// audit log must be exactly those that the chart's Roles grant.
func TestRoles_GrantExactlyWhatIsUsed(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns, err := connect(t).NewNamespace(within(t), "e2e-"+rand.String(6), chaosengine.Baseline)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Remove(within(t))) })

	useEveryPermission(t, ns)

	experiment, refused := auditedPermissions(t, ns.Name)
	role, err := ns.Kube.RbacV1().Roles(ns.Name).Get(within(t), account, metav1.GetOptions{})
	require.NoError(t, err)
	needed := slices.AppendSeq(experiment, maps.Keys(runnerPermissions()))
	slices.Sort(needed)
	assert.Equal(t, needed, permissions(role.Rules), "rbac.yaml must grant exactly the permissions that are used")
	optionalRole, _, err := ns.OptionalRBAC()
	require.NoError(t, err)
	assert.Subset(t, permissions(optionalRole.Rules), refused, "rbac-optional.yaml must grant every refused request")
}

// useEveryPermission executes runs that together need every permission, and checks their
// verdicts.
func useEveryPermission(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	begin := func(name string, env map[string]string, probes ...chaosv1alpha1.ProbeAttributes) {
		all := short(map[string]string{
			"WRITER_POD": name + "-writer", "READER_POD": name + "-reader", "CLAIM_NAME": name + "-claim",
		})
		maps.Copy(all, env)
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: all, Probes: probes}))
	}
	inPod := command("elsewhere", "SOT", "echo 1", "1")
	inPod.CmdProbeInputs.Source = &chaosv1alpha1.SourceDetails{Image: ns.Image}
	stopping := command("stopping", "Continuous", "echo 2", "1")
	stopping.RunProperties.StopOnFailure = true

	begin("existing", map[string]string{"EXISTING_CLAIM": existingClaim(t, ns)}, inPod)
	begin("no-image", map[string]string{
		"LIB_IMAGE": "volume-durability.test/none:test", "LIB_IMAGE_PULL_POLICY": "Never",
	})
	begin("stopped", longChaos(), stopping)

	awaitTwoStops(t, ns, "stopped")
	for name, want := range map[string]chaosv1alpha1.ResultVerdict{"existing": "Pass", "no-image": "Error"} {
		_, err := ns.AwaitCompleted(within(t), name)
		require.NoError(t, err)
		result, err := ns.Await(within(t), name)
		require.NoError(t, err)
		assert.Equal(t, want, result.Status.ExperimentStatus.Verdict, name)
	}
	log, err := ns.Log(within(t), "existing")
	require.NoError(t, err)
	// These need rbac-optional.yaml.
	assert.Contains(t, log, "Could not read the node labels; assuming Kubernetes")
	assert.Contains(t, log, "Could not read the namespace; assuming that it exists")
}

// existingClaim creates a claim and returns its name.
func existingClaim(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	claim := chaosengine.NewClaim("existing-claim", options.Defaults().ClaimSize)
	_, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
	return claim.Name
}

// awaitTwoStops waits until a probe has stopped an engine, starts the engine again, and waits
// for the second stop. The second run repeats events of the first, which are then updated.
func awaitTwoStops(t *testing.T, ns *chaosengine.Namespace, name string) {
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
		engines := ns.Litmus.LitmuschaosV1alpha1().ChaosEngines(ns.Name)
		_, err = engines.Patch(within(t), name, types.MergePatchType, active, metav1.PatchOptions{})
		require.NoError(t, err)
	}
}

// grantOptional applies rbac-optional.yaml for a namespace until the test ends.
func grantOptional(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	revoke, err := ns.GrantOptionalRBAC(within(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, revoke(within(t))) })
}

// With rbac-optional.yaml, a run can read what it otherwise has to assume.
func TestOptionalRole_LetsARunReadTheCluster(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
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
	assert.Contains(t, missing.Status.ExperimentStatus.ErrorOutput.Reason,
		"namespace no-such-namespace does not exist. To fix this: kubectl create namespace no-such-namespace")

	labelSwarm(t, ns, "n1")
	one := begin("one-of-two", nil)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, one.Status.ExperimentStatus.Verdict)
	log, err := ns.Log(within(t), "one-of-two")
	require.NoError(t, err)
	assert.NotRegexp(t, `msg="Could not (read|list) `, log)
	assert.NotContains(t, log, "the nodes' labels could not be read")
	// The run lists the classes, and then fails because the quota allows no claim.
	quota(corev1.ResourcePersistentVolumeClaims, "0")(t, ns)
	classes := begin("classes", map[string]string{"STORAGE_CLASSES": "*"})
	assert.NotEqual(t, chaosv1alpha1.ResultVerdictPassed, classes.Status.ExperimentStatus.Verdict)

	experiment, refused := auditedPermissions(t, ns.Name)
	for _, p := range permissions(role.Rules) {
		assert.NotContains(t, refused, p)
	}
	assert.Subset(t, experiment, permissions(role.Rules), "every permission that it grants must be used")
	requireNothingLeft(t, ns)
}

// This test is not parallel: while it runs, every run that may read the nodes' labels is Not
// Applicable.
func TestOrchestrator_SwarmLabelsAreNotApplicable(t *testing.T) {
	ns := newNamespace(t)
	grantOptional(t, ns)
	labelSwarm(t, ns, "n1")
	labelSwarm(t, ns, "n2")
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdict("N/A"), o.verdict())
	assert.Contains(t, o.probe(t, "verify").Description,
		"Not Applicable: the orchestrator is Swarm, according to the label ")
	requireNothingLeft(t, ns)
	requireNotApplicable(t, requireBundle(t, ns, o))
}

// requireNotApplicable fails the test unless the checklist has the status Not_Applicable.
func requireNotApplicable(t *testing.T, saved bundle.Bundle) {
	t.Helper()
	checklist, err := saved.File("checklist.ckl")
	require.NoError(t, err)
	assert.Contains(t, string(checklist), "<STATUS>Not_Applicable</STATUS>")
}

// labelSwarm labels a node as a node of Swarm until the test ends.
func labelSwarm(t *testing.T, ns *chaosengine.Namespace, node string) {
	t.Helper()
	label := func(value string) error {
		patch := []byte(`{"metadata":{"labels":{"com.docker.ucp.orchestrator.swarm":` + value + `}}}`)
		nodes := ns.Kube.CoreV1().Nodes()
		_, err := nodes.Patch(within(t), node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		return err
	}
	t.Cleanup(func() { require.NoError(t, label("null")) })
	require.NoError(t, label(`"true"`))
}

// permissions returns the permissions that rules grant, sorted.
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

// auditedPermissions returns what the chart's service account in a namespace requested,
// according to the audit log: the requests of the experiment that were allowed, and all
// requests that were refused.
func auditedPermissions(t *testing.T, namespace string) (experiment, refused []string) {
	t.Helper()
	allowed, forbidden := map[string]bool{}, map[string]bool{}
	for _, r := range requestsOf(t, namespace) {
		switch {
		case r.refused():
			forbidden[r.permission()] = true
		case !strings.HasPrefix(r.UserAgent, runnerUserAgent):
			allowed[r.permission()] = true
		}
	}
	return slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(forbidden))
}

// requestsOf returns all requests of the chart's service account in a namespace.
func requestsOf(t *testing.T, namespace string) (all []request) {
	t.Helper()
	logs, err := filepath.Glob(auditLogs)
	require.NoError(t, err)
	for _, file := range logs {
		all = append(all, requests(t, file, "system:serviceaccount:"+namespace+":"+account)...)
	}
	return all
}

// request is a part of an entry of the audit log (Event in k8s.io/apiserver/pkg/apis/audit/v1).
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

// requests returns the requests of a user about objects in an audit log.
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
		// Every user may send requests that are not about objects, such as /version.
		if r.User.Username == user && r.ObjectRef.Resource != "" {
			all = append(all, r)
		}
	}
	require.NoError(t, lines.Err(), file)
	return all
}
