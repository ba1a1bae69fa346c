package e2e

import (
	"context"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// A request or pod that the cluster rejects is an Error. Its reason has the name of the object,
// the message of Kubernetes, and advice. No object of the run is left.
func TestRefusal_IsAnErrorWithAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		env map[string]string
		// timeout is the engine's status timeout in seconds, if the default of this test is
		// too short.
		timeout int
		prepare func(t *testing.T, ns *chaosengine.Namespace)
		want    []string
	}{
		"no such storage class": {
			env: map[string]string{"STORAGE_CLASS": "no-such-class"},
			want: []string{
				"write-pod did not start", `storageclass.storage.k8s.io "no-such-class" not found`, "kubectl get storageclass",
			},
		},
		"a claim that is never bound": {
			env:  map[string]string{"STORAGE_CLASS": "faulty"},
			want: []string{"write-pod did not start", "unbound immediate PersistentVolumeClaims", "kubectl describe pvc"},
		},
		"an image that cannot be pulled": {
			env: map[string]string{"LIB_IMAGE": "volume-durability.test/none:test"}, timeout: 45,
			want: []string{"write-pod did not start", "volume-durability.test/none:test", "can pull LIB_IMAGE"},
		},
		"an image that must not be pulled": {
			env:  map[string]string{"LIB_IMAGE": "volume-durability.test/none:test", "LIB_IMAGE_PULL_POLICY": "Never"},
			want: []string{"write-pod did not start", "ErrImageNeverPull", "LIB_IMAGE_PULL_POLICY"},
		},
		"a quota on claims": {
			prepare: quota(corev1.ResourcePersistentVolumeClaims, "0"),
			want:    []string{"creating claim", "stig-pvc", "exceeded quota", "kubectl describe quota"},
		},
		"a limit on claims": {
			prepare: largestClaim("1Gi"),
			want: []string{
				"creating claim", "stig-pvc", "maximum storage usage per PersistentVolumeClaim is 1Gi",
				"kubectl describe limitrange",
			},
		},
		"an admission policy": {
			prepare: admitNoPods("no pods on Fridays"),
			want:    []string{"creating pod", "write-pod", "no pods on Fridays", "kubectl get validatingadmissionpolicies"},
		},
		"no node for the reader": {
			env: short(map[string]string{"READER_NODE": "n3"}), timeout: 45,
			want: []string{"read-pod did not start", "NodeAffinity", "set READER_NODE to a node"},
		},
		"a namespace that does not exist": {
			env:  map[string]string{"WORKLOAD_NAMESPACE": "no-such-namespace"},
			want: []string{"no-such-namespace"},
		},
		"an existing claim that does not exist": {
			env:  map[string]string{"EXISTING_CLAIM": "no-such-claim"},
			want: []string{"claim ", "/no-such-claim does not exist"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t)
			if c.prepare != nil {
				c.prepare(t, ns)
			}
			engine := chaosengine.Engine{Name: "engine", Env: c.env, StatusTimeout: max(c.timeout, 25)}
			require.NoError(t, ns.Start(within(t), engine))
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
			require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
			for _, want := range c.want {
				assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, want)
			}
			requireNothingLeft(t, ns)
		})
	}
}

// quota returns a function that creates a quota for a resource in the namespace.
func quota(name corev1.ResourceName, hard string) func(*testing.T, *chaosengine.Namespace) {
	return func(t *testing.T, ns *chaosengine.Namespace) {
		t.Helper()
		_, err := ns.Kube.CoreV1().ResourceQuotas(ns.Name).Create(within(t), &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "quota"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{name: resource.MustParse(hard)}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

// largestClaim returns a function that limits the size of claims in the namespace.
func largestClaim(size string) func(*testing.T, *chaosengine.Namespace) {
	return func(t *testing.T, ns *chaosengine.Namespace) {
		t.Helper()
		largest := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
		_, err := ns.Kube.CoreV1().LimitRanges(ns.Name).Create(within(t), &corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Name: "limits"},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypePersistentVolumeClaim, Max: largest,
			}}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

// admitNoPods returns a function that makes the API server reject every pod of a run in the
// namespace, with a message.
func admitNoPods(message string) func(*testing.T, *chaosengine.Namespace) {
	return func(t *testing.T, ns *chaosengine.Namespace) {
		t.Helper()
		meta, api := metav1.ObjectMeta{Name: ns.Name}, ns.Kube.AdmissionregistrationV1()
		policies, bindings := api.ValidatingAdmissionPolicies(), api.ValidatingAdmissionPolicyBindings()
		policy := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: meta}
		policy.Spec.MatchConstraints = podsOfRuns(ns)
		policy.Spec.Validations = []admissionregistrationv1.Validation{{Expression: "false", Message: message}}
		_, err := policies.Create(within(t), policy, metav1.CreateOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, policies.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
		binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta}
		binding.Spec.PolicyName = ns.Name
		binding.Spec.ValidationActions = []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}
		_, err = bindings.Create(within(t), binding, metav1.CreateOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, bindings.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
		awaitRefusal(t, ns)
	}
}

// podsOfRuns matches the creation of pods of runs in a namespace.
func podsOfRuns(ns *chaosengine.Namespace) *admissionregistrationv1.MatchResources {
	hasRunLabel := metav1.LabelSelectorRequirement{Key: kube.RunLabel, Operator: metav1.LabelSelectorOpExists}
	create := admissionregistrationv1.RuleWithOperations{
		Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"},
		},
	}
	return &admissionregistrationv1.MatchResources{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: ns.Name}},
		ObjectSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{hasRunLabel},
		},
		ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: create}},
	}
}

// awaitRefusal returns once the API server enforces the policy, which takes some time.
func awaitRefusal(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	client := kube.Client{Namespace: ns.Name, Labels: map[string]string{kube.RunLabel: "dry-run"}}
	pod := client.NewPod(kube.PodSpec{Name: "dry-run", Image: ns.Image, Path: "/data"})
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	isRefused := func(ctx context.Context) (bool, error) {
		_, err := ns.Kube.CoreV1().Pods(ns.Name).Create(ctx, pod, dryRun)
		return apierrors.IsInvalid(err), nil
	}
	require.NoError(t, wait.PollUntilContextCancel(within(t), 200*time.Millisecond, true, isRefused))
}

func TestBundle_ThatCannotBeSavedIsAnErrorBeforeTheRun(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	taken := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "taken"}}
	_, err := ns.Kube.CoreV1().ConfigMaps(ns.Name).Create(within(t), taken, metav1.CreateOptions{})
	require.NoError(t, err)
	start(t, ns, short(map[string]string{"BUNDLE_CONFIGMAP": "taken"}))
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
	assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, "the evidence bundle of the run cannot be saved: "+
		"ConfigMap "+ns.Name+"/taken could not be created")
	assert.Empty(t, o.result.Cells, "nothing was created")
	requireNothingLeft(t, ns)
}
