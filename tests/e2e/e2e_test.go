// Package e2e runs the experiment as a user would, from a ChaosEngine on a real Kubernetes.
// It checks what a user sees: the ChaosResult, the events, the log, and the objects that
// are left in the namespace.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/litmus"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

var (
	clusterTool = flag.String("cluster", "", "program that controls the test cluster; empty for another cluster")
	withGuests  = flag.Bool("machines", false, "run all tests on machines of their own, see make machines")
	allStorage  = flag.Bool("patterns", false, "cross all write patterns with all storage, see make patterns")
	kubeconfig  = flag.String("kubeconfig", "", "kubeconfig of the cluster; by default that of the test cluster")
	image       = flag.String("image", "volume-durability.test/volume-durability:test",
		"reference of the experiment's image, where the cluster can pull it")
)

// testClusterKubeconfig is the kubeconfig of the test cluster.
const testClusterKubeconfig = "/var/lib/volume-durability-cluster/kubeconfig"

func TestMain(m *testing.M) {
	flag.Parse()
	if *kubeconfig == "" && *clusterTool != "" {
		*kubeconfig = testClusterKubeconfig
	}
	if *kubeconfig == "" {
		fmt.Fprintln(os.Stderr, "SKIPPED: the end-to-end tests need a cluster: make e2e, or make e2e-one T=TestName")
	}
	// With nohup, this program and its children would ignore SIGHUP. A child has the default if this program handles it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// requireTestCluster skips a test that needs the nodes, the storage or the control plane of
// the test cluster on this machine.
func requireTestCluster(t *testing.T) {
	t.Helper()
	if *clusterTool == "" {
		t.Skipf("this test needs the test cluster: make e2e-one T=%s without KUBECONFIG", t.Name())
	}
}

// deadline is how long a test may wait for the cluster.
const deadline = 10 * time.Minute

// within returns a context with that deadline. It also works while the test cleans up.
func within(t *testing.T) context.Context {
	t.Helper()
	timedOut := fmt.Errorf("the test took longer than %s", deadline)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(t.Context()), deadline, timedOut)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T) *chaosengine.Cluster {
	t.Helper()
	if *kubeconfig == "" {
		t.Skipf("this test needs a cluster: make e2e, or make e2e-one T=%s", t.Name())
	}
	cluster, err := chaosengine.Connect(*kubeconfig, "../../charts", *image)
	require.NoError(t, err)
	require.NoError(t, cluster.RequireLitmus(within(t)))
	return cluster
}

// namespace creates a namespace and deletes it after the test.
func namespace(t *testing.T, name string) *chaosengine.Namespace {
	t.Helper()
	return namespaceOf(t, name, chaosengine.Restricted)
}

// namespaceOf does the same with a level of the Pod Security Standards.
func namespaceOf(t *testing.T, name, level string) *chaosengine.Namespace {
	t.Helper()
	ns, err := connect(t).NewNamespace(within(t), name, level)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Remove(within(t))) })
	return ns
}

func newNamespace(t *testing.T) *chaosengine.Namespace {
	t.Helper()
	return namespace(t, "e2e-"+rand.String(6))
}

// outcome is the ChaosResult of a run, its log, and the result in the log.
type outcome struct {
	*chaosv1alpha1.ChaosResult
	log    string
	result result.Result
}

func (o outcome) verdict() chaosv1alpha1.ResultVerdict { return o.Status.ExperimentStatus.Verdict }

func (o outcome) probe(t *testing.T, name string) chaosv1alpha1.ProbeStatus {
	t.Helper()
	for _, p := range o.Status.ProbeStatuses {
		if p.Name == name {
			return p.Status
		}
	}
	require.Fail(t, "no probe "+name)
	return chaosv1alpha1.ProbeStatus{}
}

// short returns the options of a run of a few seconds with one deletion.
func short(env map[string]string) map[string]string {
	all := map[string]string{"TOTAL_CHAOS_DURATION": "2", "CHAOS_INTERVAL": "2"}
	for name, value := range env {
		all[name] = value
	}
	return all
}

// severalDeletions returns the options of a run that has more than one deletion on a machine that is not overloaded.
func severalDeletions(env map[string]string) map[string]string {
	all := short(env)
	all["TOTAL_CHAOS_DURATION"], all["CHAOS_INTERVAL"] = "18", "3"
	return all
}

// withRecovery returns the options of a run in which each cell has at least two deletions, with a recovery between
// them, if its first deletion takes at most 40 seconds.
func withRecovery(env map[string]string) map[string]string {
	all := short(env)
	all["TOTAL_CHAOS_DURATION"], all["CHAOS_INTERVAL"] = "50", "10"
	return all
}

func start(t *testing.T, ns *chaosengine.Namespace, env map[string]string, probes ...chaosv1alpha1.ProbeAttributes) {
	t.Helper()
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: "engine", Env: env, Probes: probes}))
}

func await(t *testing.T, ns *chaosengine.Namespace) outcome {
	t.Helper()
	ctx := within(t)
	chaosResult, err := ns.Await(ctx, "engine")
	require.NoError(t, err)
	completed, err := ns.AwaitCompleted(ctx, "engine")
	require.NoError(t, err)
	require.Equal(t, string(chaosResult.Status.ExperimentStatus.Verdict), completed.Status.Experiments[0].Verdict,
		"the engine must show the verdict of the ChaosResult")
	log, err := ns.Log(ctx, "engine")
	require.NoError(t, err)
	parsed, err := chaosengine.ParseResult(log)
	require.NoError(t, err, log)
	assert.Empty(t, parsed.Cluster.Warnings)
	requireNoWarning(t, log)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log)
		}
	})
	return outcome{chaosResult, log, parsed}
}

// requireNoWarning fails the test if the log of an experiment has a warning of the API server. The log also has the
// warnings about requests that follow the result. No test causes a warning on purpose.
func requireNoWarning(t *testing.T, log string) {
	t.Helper()
	assert.NotContains(t, log, "The API server warns", "the requests of a run must cause no warnings")
}

func run(
	t *testing.T, ns *chaosengine.Namespace, env map[string]string, probes ...chaosv1alpha1.ProbeAttributes,
) outcome {
	t.Helper()
	start(t, ns, env, probes...)
	return await(t, ns)
}

// requireBundle returns the evidence bundle that the ChaosResult names. It fails the test if the
// bundle is incomplete.
func requireBundle(t *testing.T, ns *chaosengine.Namespace, o outcome) bundle.Bundle {
	t.Helper()
	chaosResult, err := ns.AwaitResult(within(t), "engine", "volume-durability", func(r *chaosv1alpha1.ChaosResult) bool {
		return r.Annotations[litmus.BundleAnnotation] != ""
	})
	require.NoError(t, err)
	name := strings.TrimPrefix(chaosResult.Annotations[litmus.BundleAnnotation], "ConfigMap "+ns.Name+"/")
	saved, err := bundlestore.Store{Client: ns.Kube, Namespace: ns.Name}.Load(within(t), name)
	require.NoError(t, err)
	require.NoError(t, saved.Verify())
	inBundle, err := saved.Result()
	require.NoError(t, err)
	assert.Equal(t, o.result.RunID, inBundle.RunID)
	assert.Equal(t, o.result.Verdict, inBundle.Verdict)
	files := []string{
		"report.html", "junit.xml", "checklist.ckl", "checklist.cklb", "assessment-results.json", "ledger.json", "scan.json",
		"metrics.txt",
	}
	if len(inBundle.Cells) > 0 { // the run created objects
		files = append(files, "objects.json", "events.json")
	}
	for _, file := range files {
		content, err := saved.File(file)
		require.NoError(t, err)
		assert.NotEmpty(t, content, file)
	}
	return saved
}

// requireNothingLeft fails the test if the namespace has a pod of a run or a claim.
func requireNothingLeft(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	pods, err := ns.Kube.CoreV1().Pods(ns.Name).List(within(t), metav1.ListOptions{LabelSelector: kube.RunLabel})
	require.NoError(t, err)
	assert.Empty(t, pods.Items)
	claims, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).List(within(t), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, claims.Items)
}

// eventsOn returns the messages of the events on objects of a kind, by reason.
func eventsOn(t *testing.T, ns *chaosengine.Namespace, kind string) map[string]string {
	t.Helper()
	ofKind := metav1.ListOptions{FieldSelector: "involvedObject.kind=" + kind}
	events, err := ns.Kube.CoreV1().Events(ns.Name).List(within(t), ofKind)
	require.NoError(t, err)
	messages := map[string]string{}
	for _, e := range events.Items {
		messages[e.Reason] = e.Message
	}
	return messages
}

// cluster runs a command of the test cluster and fails the test if the command fails.
func cluster(t *testing.T, args ...string) {
	t.Helper()
	requireTestCluster(t)
	require.True(t, tryCluster(t, args...))
}

// tryCluster does the same in functions that must not end the test, and reports whether the
// command succeeded.
func tryCluster(t *testing.T, args ...string) bool {
	t.Helper()
	output, err := exec.CommandContext(within(t), *clusterTool, args...).CombinedOutput()
	return assert.NoError(t, err, "cluster %s: %s", strings.Join(args, " "), output)
}

// volumeFile returns the path of the journal on the namespace's only claim. All nodes of the
// test cluster are on this machine.
func volumeFile(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	return volumeFolder(t, ns) + "/logs.log"
}

// volumeFolder returns the path of the volume of the namespace's only claim.
func volumeFolder(t *testing.T, ns *chaosengine.Namespace) string {
	t.Helper()
	requireTestCluster(t)
	claims, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).List(within(t), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, claims.Items, 1)
	name := claims.Items[0].Spec.VolumeName
	volume, err := ns.Kube.CoreV1().PersistentVolumes().Get(within(t), name, metav1.GetOptions{})
	require.NoError(t, err)
	return volumePath(volume)
}

func volumePath(volume *corev1.PersistentVolume) string {
	if volume.Spec.HostPath != nil {
		return volume.Spec.HostPath.Path
	}
	return volume.Spec.Local.Path
}
