package chaosengine

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
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
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
			http.Error(w, "want an AdmissionReview", http.StatusBadRequest)
			return
		}
		hook(review.Request.Operation, review.Request.Name)
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		// A client that has disconnected needs no answer.
		_ = json.NewEncoder(w).Encode(review)
	}))
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
			Name: "hook.volume-durability.test",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      ptr.To(server.URL),
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{
					admissionregistrationv1.Create, admissionregistrationv1.Delete,
				},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{resource},
				},
			}},
			NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{corev1.LabelMetadataName: n.Name},
			},
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          ptr.To[int32](30), // the maximum
			AdmissionReviewVersions: []string{"v1"},
			// The API server may still call the webhook shortly after its removal.
			FailurePolicy: ptr.To(admissionregistrationv1.Ignore),
		}},
	}
}
