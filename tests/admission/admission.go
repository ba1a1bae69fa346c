// Package admission changes how the API server admits the pods of one namespace: it injects
// sidecars, as a service mesh does, and enforces the policies that are common in clusters.
// The API server must be able to reach the loopback interface of this machine.
package admission

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// Remove undoes what a function of this package has installed.
type Remove func(context.Context) error

// Mutate changes the spec of a pod before it is created.
type Mutate func(pod *corev1.Pod)

// OnPodCreation installs a webhook that changes every pod of a namespace before it is
// created. Unlike a service mesh's, a pod is created without the change if the webhook
// cannot be reached, so that its removal disturbs nothing.
func OnPodCreation(ctx context.Context, client kubernetes.Interface, namespace string, mutate Mutate) (Remove, error) {
	server := NewServer(func(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return respond(request, mutate)
	})
	webhooks := client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := webhooks.Create(ctx, webhook(server, namespace), metav1.CreateOptions{}); err != nil {
		server.Close()
		return nil, fmt.Errorf("installing a webhook for the pods of %s: %w", namespace, err)
	}
	return func(ctx context.Context) error {
		defer server.Close()
		return webhooks.Delete(ctx, namespace, metav1.DeleteOptions{})
	}, nil
}

// NewServer starts a server that answers the reviews of a webhook.
func NewServer(respond func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) *httptest.Server {
	return httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
			http.Error(w, "want an AdmissionReview", http.StatusBadRequest)
			return
		}
		review.Response = respond(review.Request)
		// A client that has disconnected needs no answer.
		_ = json.NewEncoder(w).Encode(review)
	}))
}

// ClientConfig returns how the API server reaches a server.
func ClientConfig(server *httptest.Server) admissionregistrationv1.WebhookClientConfig {
	return admissionregistrationv1.WebhookClientConfig{
		URL:      ptr.To(server.URL),
		CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	}
}

// respond admits a pod with the changes of mutate.
func respond(request *admissionv1.AdmissionRequest, mutate Mutate) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: true}
	patch, err := patchOf(request.Object.Raw, mutate)
	if err != nil {
		response.Allowed, response.Result = false, &metav1.Status{Message: err.Error()}
		return response
	}
	response.Patch, response.PatchType = patch, ptr.To(admissionv1.PatchTypeJSONPatch)
	return response
}

// patchOf returns the JSON patch with which mutate changes the spec of a pod.
func patchOf(raw []byte, mutate Mutate) ([]byte, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return nil, fmt.Errorf("parsing the pod: %w", err)
	}
	mutate(&pod)
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	return json.Marshal([]operation{{"replace", "/spec", pod.Spec}})
}

func webhook(server *httptest.Server, namespace string) *admissionregistrationv1.MutatingWebhookConfiguration {
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name:                    "injector.volume-durability.test",
			ClientConfig:            ClientConfig(server),
			Rules:                   []admissionregistrationv1.RuleWithOperations{podCreation()},
			NamespaceSelector:       InNamespace(namespace),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
			FailurePolicy:           ptr.To(admissionregistrationv1.Ignore),
		}},
	}
}

func podCreation() admissionregistrationv1.RuleWithOperations {
	return admissionregistrationv1.RuleWithOperations{
		Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"},
		},
	}
}

// InNamespace selects one namespace.
func InNamespace(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}}
}

// Rule is a CEL expression that every pod must meet, and the message if it does not.
type Rule struct{ Expression, Message string }

// UsualRules are those of common policy sets, such as the samples of Kyverno: resources, and
// an image tag other than latest.
func UsualRules() []Rule {
	const has = `object.spec.containers.all(c, has(c.resources) && has(c.resources.%s) && %s in c.resources.%s)`
	demands := func(list, name string) Rule {
		return Rule{fmt.Sprintf(has, list, "'"+name+"'", list), "every container must have " + list + "." + name}
	}
	return []Rule{
		demands("requests", "cpu"), demands("requests", "memory"), demands("limits", "memory"),
		{
			`object.spec.containers.all(c, !c.image.endsWith(':latest') && c.image.matches('.*[:@][^/]+$'))`,
			"an image must have a tag other than latest",
		},
	}
}

// Enforce installs a policy with rules for the pods of a namespace that have a label.
func Enforce(
	ctx context.Context, client kubernetes.Interface, namespace, label string, rules []Rule,
) (Remove, error) {
	meta, api := metav1.ObjectMeta{Name: namespace}, client.AdmissionregistrationV1()
	policies, bindings := api.ValidatingAdmissionPolicies(), api.ValidatingAdmissionPolicyBindings()
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: meta}
	policy.Spec.MatchConstraints = &admissionregistrationv1.MatchResources{
		NamespaceSelector: InNamespace(namespace),
		ObjectSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: label, Operator: metav1.LabelSelectorOpExists},
		}},
		ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: podCreation()}},
	}
	for _, r := range rules {
		policy.Spec.Validations = append(policy.Spec.Validations, admissionregistrationv1.Validation{
			Expression: r.Expression, Message: r.Message,
		})
	}
	if _, err := policies.Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("creating a policy for the pods of %s: %w", namespace, err)
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta}
	binding.Spec.PolicyName = namespace
	binding.Spec.ValidationActions = []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}
	remove := func(ctx context.Context) error { return policies.Delete(ctx, namespace, metav1.DeleteOptions{}) }
	if _, err := bindings.Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("binding the policy for the pods of %s: %w", namespace, err),
			remove(context.WithoutCancel(ctx)))
	}
	return func(ctx context.Context) error {
		return errors.Join(bindings.Delete(ctx, namespace, metav1.DeleteOptions{}), remove(ctx))
	}, nil
}
