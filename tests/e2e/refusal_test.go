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

// Whatever the cluster refuses is an Error that names the object, says what
// Kubernetes says of it, and what to do. Nothing is left.
func TestWhatTheClusterRefusesIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		env map[string]string
		// patience is for what a step needs that goes well before, or for an answer from
		// outside; 0 for as little as the rest takes.
		patience int
		prepare  func(t *testing.T, ns *chaosengine.Namespace)
		says     []string
	}{
		"no such storage class": {
			env:  map[string]string{"STORAGE_CLASS": "no-such-class"},
			says: []string{"write-pod did not start", `storageclass.storage.k8s.io "no-such-class" not found`, "kubectl get storageclass"},
		},
		"a claim that nobody binds": {
			env:  map[string]string{"STORAGE_CLASS": "faulty"},
			says: []string{"write-pod did not start", "unbound immediate PersistentVolumeClaims", "kubectl describe pvc"},
		},
		"an image that cannot be pulled": {
			env: map[string]string{"LIB_IMAGE": "volume-durability.test/none:test"}, patience: 45,
			says: []string{"write-pod did not start", "volume-durability.test/none:test", "must be able to pull LIB_IMAGE"},
		},
		"an image that must not be pulled": {
			env:  map[string]string{"LIB_IMAGE": "volume-durability.test/none:test", "LIB_IMAGE_PULL_POLICY": "Never"},
			says: []string{"write-pod did not start", "ErrImageNeverPull", "LIB_IMAGE_PULL_POLICY"},
		},
		"a quota on claims": {
			prepare: quota(corev1.ResourcePersistentVolumeClaims, "0"),
			says:    []string{"creating claim", "stig-pvc", "exceeded quota", "kubectl describe quota"},
		},
		"a limit on claims": {
			prepare: largestClaim("1Gi"),
			says:    []string{"creating claim", "stig-pvc", "maximum storage usage per PersistentVolumeClaim is 1Gi", "kubectl describe limitrange"},
		},
		"an admission policy": {
			prepare: admitNoPods("no pods on Fridays"),
			says:    []string{"creating pod", "write-pod", "no pods on Fridays", "kubectl get validatingadmissionpolicies"},
		},
		"no node for the reader": {
			env: short(map[string]string{"READER_NODE": "n3"}), patience: 45,
			says: []string{"read-pod did not start", "NodeAffinity", "READER_NODE must name a node"},
		},
		"a namespace that is not there": {
			env:  map[string]string{"WORKLOAD_NAMESPACE": "no-such-namespace"},
			says: []string{"no-such-namespace"},
		},
		"an existing claim that is not there": {
			env:  map[string]string{"EXISTING_CLAIM": "no-such-claim"},
			says: []string{"claim ", "/no-such-claim does not exist"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := someNamespace(t)
			if c.prepare != nil {
				c.prepare(t, ns)
			}
			require.NoError(t, ns.Start(within(t), chaosengine.Engine{Name: "engine", Env: c.env, StatusTimeout: max(c.patience, 25)}))
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
			require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
			for _, says := range c.says {
				assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, says)
			}
			requireNothingLeft(t, ns)
		})
	}
}

// quota sets a hard limit on everything of a kind in the namespace.
func quota(what corev1.ResourceName, hard string) func(*testing.T, *chaosengine.Namespace) {
	return func(t *testing.T, ns *chaosengine.Namespace) {
		t.Helper()
		_, err := ns.Kube.CoreV1().ResourceQuotas(ns.Name).Create(within(t), &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "quota"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{what: resource.MustParse(hard)}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

func largestClaim(size string) func(*testing.T, *chaosengine.Namespace) {
	return func(t *testing.T, ns *chaosengine.Namespace) {
		t.Helper()
		_, err := ns.Kube.CoreV1().LimitRanges(ns.Name).Create(within(t), &corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Name: "limits"},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypePersistentVolumeClaim, Max: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			}}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

// admitNoPods has the API server refuse every pod of a run in the namespace.
func admitNoPods(why string) func(*testing.T, *chaosengine.Namespace) {
	return func(t *testing.T, ns *chaosengine.Namespace) {
		t.Helper()
		meta := metav1.ObjectMeta{Name: ns.Name}
		only := &admissionregistrationv1.MatchResources{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: ns.Name}},
			ObjectSelector:    &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: kube.RunLabel, Operator: metav1.LabelSelectorOpExists}}},
			ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}}},
		}
		policies, bindings := ns.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicies(), ns.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
		_, err := policies.Create(within(t), &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: meta, Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: only, Validations: []admissionregistrationv1.Validation{{Expression: "false", Message: why}},
		}}, metav1.CreateOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, policies.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
		_, err = bindings.Create(within(t), &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta, Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: ns.Name, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		}}, metav1.CreateOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, bindings.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
		awaitRefusal(t, ns)
	}
}

// awaitRefusal returns once the API server goes by a policy, which takes it a while.
func awaitRefusal(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	tried := kube.Client{Namespace: ns.Name, Labels: map[string]string{kube.RunLabel: "tried"}}.Pod(kube.PodSpec{Name: "tried", Image: ns.Image, Path: "/data"})
	require.NoError(t, wait.PollUntilContextCancel(within(t), 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := ns.Kube.CoreV1().Pods(ns.Name).Create(ctx, tried, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsInvalid(err), nil
	}))
}
