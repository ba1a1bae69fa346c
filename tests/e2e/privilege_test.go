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
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/tests/engine"
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
	ns, err := connect(t).NewNamespace(within(t), "e2e-"+rand.String(6), engine.Baseline)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Remove(within(t))) })

	everyNeed(t, ns)

	experiment, refused := asked(t, ns.Name)
	role, err := ns.Kube.RbacV1().Roles(ns.Name).Get(within(t), account, metav1.GetOptions{})
	require.NoError(t, err)
	needed := slices.AppendSeq(experiment, maps.Keys(onlyTheRunners()))
	slices.Sort(needed)
	assert.Equal(t, needed, permissions(role.Rules), "rbac.yaml grants what is needed")
	assert.Equal(t, refused, permissions(optionalRole(t).Rules), "rbac-optional.yaml grants what is asked for besides")
}

// everyNeed makes the runs, and checks that they came to what they were made for.
func everyNeed(t *testing.T, ns *engine.Namespace) {
	t.Helper()
	begin := func(name string, env map[string]string, probes ...chaosv1alpha1.ProbeAttributes) {
		all := short(map[string]string{"WRITER_POD": name + "-writer", "READER_POD": name + "-reader", "CLAIM_NAME": name + "-claim"})
		maps.Copy(all, env)
		require.NoError(t, ns.Start(within(t), engine.Engine{Name: name, Env: all, Probes: probes}))
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
	assert.Contains(t, log, "The nodes' labels cannot be seen: taken for Kubernetes", "what a run without rbac-optional.yaml cannot see")
	assert.Contains(t, log, "The namespace cannot be looked up: taken to exist")
}

func existingClaim(t *testing.T, ns *engine.Namespace) string {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: inputs.Defaults().ClaimSize}},
	}}
	_, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
	return claim.Name
}

// stopsAgain waits for an engine to be stopped by its probe, and has it run again:
// what the first run said in events is then said again.
func stopsAgain(t *testing.T, ns *engine.Namespace, name string) {
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

func optionalRole(t *testing.T) rbacv1.ClusterRole {
	t.Helper()
	content, err := os.ReadFile("../../charts/volume-durability/rbac-optional.yaml")
	require.NoError(t, err)
	var role rbacv1.ClusterRole
	first, _, _ := bytes.Cut(content, []byte("\n---\n"))
	require.NoError(t, yaml.UnmarshalStrict(first, &role))
	return role
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
	logs, err := filepath.Glob(auditLogs)
	require.NoError(t, err)
	for _, file := range logs {
		for _, r := range requests(t, file, "system:serviceaccount:"+namespace+":"+account) {
			switch {
			case r.Annotations["authorization.k8s.io/decision"] == "forbid":
				forbidden[r.permission()] = true
			case !strings.HasPrefix(r.UserAgent, runnersAgent):
				allowed[r.permission()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(forbidden))
}

// request is what the audit log holds of one (k8s.io/apiserver/pkg/apis/audit/v1 Event).
type request struct {
	Verb, UserAgent string
	User            struct{ Username string }
	ObjectRef       struct{ APIGroup, Resource, Subresource string }
	Annotations     map[string]string
}

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
		if r.User.Username == user {
			all = append(all, r)
		}
	}
	require.NoError(t, lines.Err(), file)
	return all
}
