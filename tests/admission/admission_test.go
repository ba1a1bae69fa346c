package admission

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestRespond_ReplacesTheSpec(t *testing.T) {
	raw, err := json.Marshal(corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "own"}}}})
	require.NoError(t, err)
	request := &admissionv1.AdmissionRequest{UID: "u", Object: runtime.RawExtension{Raw: raw}}
	response := respond(request, func(pod *corev1.Pod) {
		pod.Spec.Containers = append([]corev1.Container{{Name: "proxy"}}, pod.Spec.Containers...)
	})
	assert.True(t, response.Allowed)
	assert.Equal(t, request.UID, response.UID)
	var patch []struct {
		Path  string
		Value struct{ Containers []corev1.Container }
	}
	require.NoError(t, json.Unmarshal(response.Patch, &patch))
	require.Len(t, patch, 1)
	assert.Equal(t, "/spec", patch[0].Path)
	require.Len(t, patch[0].Value.Containers, 2)
	assert.Equal(t, "proxy", patch[0].Value.Containers[0].Name)
	assert.Equal(t, "own", patch[0].Value.Containers[1].Name)
}

func TestRespond_RejectsWhatIsNoPod(t *testing.T) {
	request := &admissionv1.AdmissionRequest{Object: runtime.RawExtension{Raw: []byte(`[]`)}}
	assert.False(t, respond(request, func(*corev1.Pod) {}).Allowed)
}
