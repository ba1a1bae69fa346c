package e2e

import (
	"os"
	"path/filepath"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// The pods of a run have the settings that the engine gives the experiment's pod.
func TestPodSettings_AreThoseOfTheEngine(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	node := linuxNodes(t, ns)[0]
	resources := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
	}
	toleration := corev1.Toleration{Key: "e2e", Operator: corev1.TolerationOpExists}
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{
		Name: "engine", Env: short(map[string]string{"KEEP": "true", "POD_ANNOTATIONS": "team"}),
		Components: func(c *chaosv1alpha1.ExperimentComponents) {
			c.NodeSelector = map[string]string{corev1.LabelHostname: node.Labels[corev1.LabelHostname]}
			c.Tolerations = []corev1.Toleration{toleration}
			c.ExperimentImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
			c.ExperimentAnnotations = map[string]string{"team": "storage", "other": "x"}
			c.Resources = resources
		},
	}))
	o := await(t, ns)
	require.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	assert.Equal(t, node.Name, o.result.Cells[0].Reader.Node)
	for _, e := range o.result.Cells[0].Epochs {
		assert.Equal(t, node.Name, e.Node)
	}
	reader := getPod(t, ns, "read-pod")
	assert.Contains(t, reader.Spec.Tolerations, toleration)
	assert.Contains(t, reader.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: "registry"})
	assert.Equal(t, "linux", reader.Spec.NodeSelector[corev1.LabelOSStable])
	assert.Equal(t, "storage", reader.Annotations["team"])
	assert.NotContains(t, reader.Annotations, "other")
	got := kube.ContainerOf(reader).Resources
	assert.Equal(t, "20m", got.Requests.Cpu().String())
	assert.Equal(t, "128Mi", got.Limits.Memory().String())
}

// An existing claim whose root belongs to another user is usable as that user, and stays as it was.
func TestRunAsUser_TestsClaimOfAnotherUser(t *testing.T) {
	t.Parallel()
	const user = 1234
	name := "e2e-" + rand.String(6)
	folder := smallVolume(t, name)
	require.NoError(t, os.Chown(folder, user, user))
	require.NoError(t, os.Chmod(folder, 0o755))
	ns := namespace(t, name)
	claim := chaosengine.NewClaim("stig-pvc", resource.MustParse(smallSize))
	claim.Spec.StorageClassName = ptr.To(smallClass)
	_, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
	at := newTerminal(t, ns)

	code, out, errOut := at.exec(shortRun("--existing-claim", "stig-pvc")...)
	assert.Equal(t, 2, code)
	assert.Contains(t, out+errOut, "permission denied")
	assert.Contains(t, out+errOut, "--run-as-user")

	code, out, _ = at.exec(shortRun("--existing-claim", "stig-pvc", "--run-as-user", "1234", "--run-as-group", "1234")...)
	assert.Equal(t, 0, code, out)
	info, err := os.Stat(folder)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries, "the folder of the run is removed by the same user")
}

// A policy assigns the user and the groups, as OpenShift does. The run must not set any.
func TestRunAsUser_NoneLetsThePolicyAssign(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	mutatePods(t, ns, `Object{spec: Object.spec{securityContext: Object.spec.securityContext{
		runAsUser: has(object.spec.securityContext.runAsUser) ? object.spec.securityContext.runAsUser : 4321,
		fsGroup: has(object.spec.securityContext.fsGroup) ? object.spec.securityContext.fsGroup : 4321}}}`)
	env := short(map[string]string{
		"RUN_AS_USER": "none", "RUN_AS_GROUP": "none", "FS_GROUP": "none", "KEEP": "true",
	})
	o := run(t, ns, env)
	require.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	security := getPod(t, ns, "read-pod").Spec.SecurityContext
	assert.Equal(t, int64(4321), *security.RunAsUser)
	assert.Equal(t, int64(4321), *security.FSGroup)
	assert.Nil(t, security.RunAsGroup)
	assert.True(t, *security.RunAsNonRoot)
}

// The sidecar is the first container and never ends on its own.
func TestSidecar_ChangesNothing(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	mutatePods(t, ns, `[JSONPatch{op: "add", path: "/spec/containers/0", value: Object.spec.containers{
		name: "proxy", image: "volume-durability.test/busybox:test", imagePullPolicy: "Never",
		command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.2; done"],
		securityContext: Object.spec.containers.securityContext{allowPrivilegeEscalation: false,
			capabilities: Object.spec.containers.securityContext.capabilities{drop: ["ALL"]}}}}]`)
	claim := existingClaim(t, ns)
	o := run(t, ns, short(map[string]string{"EXISTING_CLAIM": claim}))
	require.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	assert.Empty(t, o.result.NotRemoved)
	pods, err := ns.Kube.CoreV1().Pods(ns.Name).List(within(t), metav1.ListOptions{LabelSelector: kube.RunLabel})
	require.NoError(t, err)
	assert.Empty(t, pods.Items)
	entries, err := os.ReadDir(volumeFolder(t, ns))
	require.NoError(t, err)
	assert.Empty(t, entries, "the folder of the run is removed")
}

func TestCommand_UsesAPodTemplate(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	at := newTerminal(t, ns)
	write := func(template string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(at.folder, "pod.yaml"), []byte(template), 0o600))
	}
	write("{metadata: {name: x}, spec: {restartPolicy: Always}}")
	code, _, errOut := at.exec(shortRun("--pod-template", "pod.yaml", "--claim-size", "big")...)
	assert.Equal(t, 2, code)
	for _, want := range []string{"metadata.name unset", "spec.restartPolicy unset", "--claim-size"} {
		assert.Contains(t, errOut, want)
	}
	requireNothingLeft(t, ns)

	write(`{metadata: {labels: {sidecar.istio.io/inject: "false"}, annotations: {linkerd.io/inject: disabled}},
		spec: {tolerations: [{key: e2e, operator: Exists}],
			containers: [{name: durability, resources: {limits: {cpu: "1"}}}]}}`)
	code, out, _ := at.exec(shortRun("--pod-template", "pod.yaml", "--keep")...)
	assert.Equal(t, 0, code, out)
	reader := getPod(t, ns, "read-pod")
	assert.Equal(t, "false", reader.Labels["sidecar.istio.io/inject"])
	assert.Equal(t, "disabled", reader.Annotations["linkerd.io/inject"])
	assert.Contains(t, reader.Spec.Tolerations, corev1.Toleration{Key: "e2e", Operator: corev1.TolerationOpExists})
	limits := kube.ContainerOf(reader).Resources.Limits
	assert.Equal(t, []string{"1", "256Mi"}, []string{limits.Cpu().String(), limits.Memory().String()})
}

func TestWriterNode_IsTheNodeOfEveryWriter(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	for _, node := range linuxNodes(t, ns)[:2] {
		name := "on-" + node.Name
		require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: name, Env: severalDeletions(map[string]string{
			"WRITER_NODE": node.Name, "STORAGE_CLASS": "shared", "WRITER_POD": name + "-w", "READER_POD": name + "-r",
			"CLAIM_NAME": name,
		})}))
		result, err := ns.Await(within(t), name)
		require.NoError(t, err)
		require.Equal(t, chaosv1alpha1.ResultVerdictPassed, result.Status.ExperimentStatus.Verdict)
		log, err := ns.Log(within(t), name)
		require.NoError(t, err)
		parsed, err := chaosengine.ParseResult(log)
		require.NoError(t, err)
		assert.NotEmpty(t, parsed.Cells[0].Epochs)
		for _, e := range parsed.Cells[0].Epochs {
			assert.Equal(t, node.Name, e.Node)
		}
	}
}

func TestWriterNode_FollowsTheApplicationOfTheClaim(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	node := linuxNodes(t, ns)[1]
	claimOf(t, ns, "shared", corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	runApplication(t, ns, kube.Placement{Node: node.Name}, kube.Identity{User: ptr.To[int64](1234)})
	o := run(t, ns, short(map[string]string{"EXISTING_CLAIM": "claim", "WRITER_NODE": "claim"}))
	require.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	for _, e := range o.result.Cells[0].Epochs {
		assert.Equal(t, node.Name, e.Node)
	}
	assert.Equal(t, node.Name, o.result.Cells[0].Reader.Node)
}

// runApplication returns once the pod database-0 runs, which uses the claim and changes nothing on it.
func runApplication(t *testing.T, ns *chaosengine.Namespace, placement kube.Placement, identity kube.Identity) {
	t.Helper()
	client := kube.Client{Namespace: ns.Name, Labels: map[string]string{"app": "database"}}
	app := client.NewPod(kube.PodSpec{
		Name: "database-0", Image: "volume-durability.test/busybox:test", ImagePullPolicy: corev1.PullNever,
		Command: []string{"sleep", "1000"}, Path: "/data", Claim: "claim", OwnVolume: true, Placement: placement,
		Identity: identity,
	})
	app.Spec.TerminationGracePeriodSeconds = ptr.To[int64](0)
	_, err := ns.Kube.CoreV1().Pods(ns.Name).Create(within(t), app, metav1.CreateOptions{})
	require.NoError(t, err)
	awaitRunning(t, ns, "database-0")
}

// linuxNodes returns the nodes of the cluster that run Linux, and skips a test if there are fewer than two.
func linuxNodes(t *testing.T, ns *chaosengine.Namespace) []corev1.Node {
	t.Helper()
	isLinux := metav1.ListOptions{LabelSelector: corev1.LabelOSStable + "=linux"}
	list, err := ns.Kube.CoreV1().Nodes().List(within(t), isLinux)
	require.NoError(t, err)
	if len(list.Items) < 2 {
		t.Skipf("this test needs two nodes with Linux, and the cluster has %d", len(list.Items))
	}
	return list.Items
}

func getPod(t *testing.T, ns *chaosengine.Namespace, name string) *corev1.Pod {
	t.Helper()
	pod, err := ns.Kube.CoreV1().Pods(ns.Name).Get(within(t), name, metav1.GetOptions{})
	require.NoError(t, err)
	return pod
}

// mutatePods makes the API server change every pod of a run in the namespace. The expression is an object to apply, or
// a list of JSON patches. mutatePods returns once the policy is in effect.
func mutatePods(t *testing.T, ns *chaosengine.Namespace, expression string) {
	t.Helper()
	meta, api := metav1.ObjectMeta{Name: ns.Name}, ns.Kube.AdmissionregistrationV1()
	mutation := admissionregistrationv1.Mutation{
		PatchType:          admissionregistrationv1.PatchTypeApplyConfiguration,
		ApplyConfiguration: &admissionregistrationv1.ApplyConfiguration{Expression: expression},
	}
	if expression[0] == '[' {
		mutation = admissionregistrationv1.Mutation{
			PatchType: admissionregistrationv1.PatchTypeJSONPatch,
			JSONPatch: &admissionregistrationv1.JSONPatch{Expression: expression},
		}
	}
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{ObjectMeta: meta}
	policy.Spec = admissionregistrationv1.MutatingAdmissionPolicySpec{
		MatchConstraints: podsOfRuns(ns), Mutations: []admissionregistrationv1.Mutation{mutation},
		FailurePolicy:      ptr.To(admissionregistrationv1.Fail),
		ReinvocationPolicy: admissionregistrationv1.NeverReinvocationPolicy,
	}
	_, err := api.MutatingAdmissionPolicies().Create(within(t), policy, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		t.Skip("this test needs MutatingAdmissionPolicies of version v1, which this Kubernetes does not serve")
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, api.MutatingAdmissionPolicies().Delete(within(t), ns.Name, metav1.DeleteOptions{}))
	})
	binding := &admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: meta}
	binding.Spec.PolicyName = ns.Name
	_, err = api.MutatingAdmissionPolicyBindings().Create(within(t), binding, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, api.MutatingAdmissionPolicyBindings().Delete(within(t), ns.Name, metav1.DeleteOptions{}))
	})
	client := kube.Client{Namespace: ns.Name, Labels: map[string]string{kube.RunLabel: "dry-run"}}
	pod := client.NewPod(kube.PodSpec{Name: "dry-run", Image: ns.Image, Path: "/data"})
	eventually(t, func() bool {
		dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
		created, err := ns.Kube.CoreV1().Pods(ns.Name).Create(within(t), pod, dryRun)
		require.NoError(t, err)
		return created.Spec.SecurityContext.RunAsUser != nil || len(created.Spec.Containers) > 1
	})
}
