package e2e

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/tests/engine"
)

// awaitRunning returns a pod once it runs.
func awaitRunning(t *testing.T, ns *engine.Namespace, name string) *corev1.Pod {
	t.Helper()
	pod, err := ns.AwaitRunning(within(t), name)
	require.NoError(t, err)
	return pod
}

// beforeReader calls tamper with the journal's path when the reader's pod is
// about to be created: the writer is gone then, and the reader is not there yet.
// An admission webhook makes the API server wait for it.
func beforeReader(t *testing.T, ns *engine.Namespace, tamper func(file string) error) {
	t.Helper()
	var once sync.Once
	called := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if !assert.NoError(t, json.NewDecoder(r.Body).Decode(&review)) {
			return
		}
		if review.Request.Name == inputs.Defaults().ReaderPod {
			once.Do(func() {
				called = true
				assert.NoError(t, tamper(volumeFile(t, ns)))
			})
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		assert.NoError(t, json.NewEncoder(w).Encode(review))
	}))
	t.Cleanup(func() {
		server.Close()
		assert.True(t, called, "the journal was tampered with")
	})
	install(t, ns, server)
}

func install(t *testing.T, ns *engine.Namespace, server *httptest.Server) {
	t.Helper()
	webhooks := ns.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := webhooks.Create(within(t), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: ns.Name},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "tamper.volume-durability.test",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      ptr.To(server.URL),
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: ns.Name}},
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, webhooks.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
}
