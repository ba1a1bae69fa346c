package e2e

import (
	"context"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/tests/admission"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// sidecar returns a container that a service mesh could inject. It has resources, because
// policies and quotas count them too.
func sidecar(command string) corev1.Container {
	c := sleepingContainer("proxy")
	c.Command = []string{"sh", "-c", command}
	c.SecurityContext.RunAsNonRoot, c.SecurityContext.RunAsUser = ptr.To(true), ptr.To[int64](65532)
	c.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	c.Resources = usualResources()
	return c
}

// usualResources are small requests and limits.
func usualResources() corev1.ResourceRequirements {
	small := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi"),
	}
	return corev1.ResourceRequirements{Requests: small, Limits: small}
}

const (
	// untilStopped is a shell command that ends only when the pod is deleted.
	untilStopped = "trap 'exit 0' TERM; sleep 100000 & wait"
	// atOnce is a shell command that ends at once.
	atOnce = "true"
)

// injectFirst makes a sidecar the first container of a pod. In pods of a run it never ends by
// itself. In the pod of the experiment it does: its Job could not complete otherwise.
func injectFirst(pod *corev1.Pod) {
	_, ofRun := pod.Labels[kube.RunLabel]
	_, ofJob := pod.Labels["job-name"]
	command := map[bool]string{true: untilStopped, false: atOnce}[ofRun]
	if !ofRun && !ofJob {
		return
	}
	pod.Spec.Containers = append([]corev1.Container{sidecar(command)}, pod.Spec.Containers...)
}

// injectNative adds an init container that the kubelet restarts whenever it ends.
func injectNative(pod *corev1.Pod) {
	c := sidecar("sleep 2")
	c.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	pod.Spec.InitContainers = append([]corev1.Container{c}, pod.Spec.InitContainers...)
}

// inject makes the API server change the pods of a namespace, until the test ends.
func inject(t *testing.T, ns *chaosengine.Namespace, mutate admission.Mutate) {
	t.Helper()
	injectUntil(t, ns, mutate, func(pod *corev1.Pod) bool {
		return len(pod.Spec.Containers)+len(pod.Spec.InitContainers) > 1
	})
}

// injectUntil does the same, and returns once a pod is changed as a condition demands.
func injectUntil(
	t *testing.T, ns *chaosengine.Namespace, mutate admission.Mutate, isChanged func(*corev1.Pod) bool,
) {
	t.Helper()
	remove, err := admission.OnPodCreation(within(t), ns.Kube, ns.Name, mutate)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove(within(t))) })
	awaitAdmission(t, ns, func(pod *corev1.Pod, err error) bool { return err == nil && isChanged(pod) })
}

// awaitAdmission returns once the API server answers as wanted to a dry run of a pod of a run
// without resources. It takes some time until webhooks and policies apply.
func awaitAdmission(t *testing.T, ns *chaosengine.Namespace, wanted func(*corev1.Pod, error) bool) {
	t.Helper()
	client := kube.Client{Namespace: ns.Name, Labels: map[string]string{kube.RunLabel: "dry-run"}}
	pod := client.NewPod(kube.PodSpec{Name: "dry-run", Image: ns.Image, Path: "/data"})
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Resources = corev1.ResourceRequirements{}
	}
	require.NoError(t, wait.PollUntilContextCancel(within(t), 200*time.Millisecond, true,
		func(ctx context.Context) (bool, error) {
			admitted, err := ns.Kube.CoreV1().Pods(ns.Name).Create(ctx, pod, metav1.CreateOptions{
				DryRun: []string{metav1.DryRunAll},
			})
			return wanted(admitted, err), nil
		}))
}

// statusOf returns the status of a pod's container.
func statusOf(t *testing.T, pod *corev1.Pod, container string) corev1.ContainerStatus {
	t.Helper()
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name == container {
			return s
		}
	}
	require.Fail(t, "pod "+pod.Name+" has no container "+container)
	return corev1.ContainerStatus{}
}

// A proxy that is the first container, never ends or restarts changes neither the verdict nor
// the images of the run.
func TestInjection_ChangesNothing(t *testing.T) {
	for name, mutate := range map[string]admission.Mutate{
		"first container": injectFirst, "native sidecar": injectNative,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireTestCluster(t) // its API server can reach the webhook on this machine
			ns := newNamespace(t)
			inject(t, ns, mutate)
			start(t, ns, severalDeletions(nil))
			writer := awaitChaos(t, ns)
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
			assert.Greater(t, len(writer.Spec.Containers)+len(writer.Spec.InitContainers), 1, "the pod has a sidecar")
			assert.Equal(t, *image, o.result.Tool.Image)
			cell := o.result.Cells[0]
			want := statusOf(t, writer, kube.ContainerName).ImageID
			for _, e := range cell.Epochs {
				assert.Equal(t, want, e.ImageID)
			}
			assert.Equal(t, want, cell.Reader.ImageID)
			requireNothingLeft(t, ns)
		})
	}
}

// enforceUsualRules makes the API server reject pods of runs that break the usual rules.
func enforceUsualRules(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	remove, err := admission.Enforce(within(t), ns.Kube, ns.Name, kube.RunLabel, admission.UsualRules())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove(within(t))) })
	awaitAdmission(t, ns, func(_ *corev1.Pod, err error) bool { return apierrors.IsInvalid(err) })
}

// The defaults of a run meet the policies that are common in clusters.
func TestPolicy_DefaultsMeetTheUsualRules(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	enforceUsualRules(t, ns)
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireNothingLeft(t, ns)

	code, out, _ := newTerminal(t, ns).exec("doctor", "--lib-image", "registry.test/volume-durability:latest")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "an image must have a tag other than latest")
}
