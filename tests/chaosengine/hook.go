package chaosengine

import (
	"context"
	"fmt"
	"net/http/httptest"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/tests/admission"
)

// Hook is called with the operation and the name of an object.
type Hook func(operation admissionv1.Operation, name string)

// OnAdmission installs an admission webhook that calls hook before an object of a core
// resource is created or deleted in the namespace. The API server waits for it, 30 s at
// most, and must be able to reach the loopback interface of this machine. The webhook is
// installed until remove is called.
func (n *Namespace) OnAdmission(
	ctx context.Context, resource string, hook Hook,
) (remove func(context.Context) error, err error) {
	server := admission.NewServer(func(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		hook(request.Operation, request.Name)
		return &admissionv1.AdmissionResponse{UID: request.UID, Allowed: true}
	})
	webhooks := n.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if _, err := webhooks.Create(ctx, n.webhook(server, resource), metav1.CreateOptions{}); err != nil {
		server.Close()
		return nil, fmt.Errorf("installing a webhook for the %s of %s: %w", resource, n.Name, err)
	}
	return func(ctx context.Context) error {
		defer server.Close()
		return webhooks.Delete(ctx, n.Name, metav1.DeleteOptions{})
	}, nil
}

func (n *Namespace) webhook(
	server *httptest.Server, resource string,
) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:         "hook.volume-durability.test",
			ClientConfig: admission.ClientConfig(server),
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{
					admissionregistrationv1.Create, admissionregistrationv1.Delete,
				},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{resource},
				},
			}},
			NamespaceSelector:       admission.InNamespace(n.Name),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          ptr.To[int32](30), // the maximum
			AdmissionReviewVersions: []string{"v1"},
			// The API server may still call the webhook shortly after its removal.
			FailurePolicy: ptr.To(admissionregistrationv1.Ignore),
		}},
	}
}
