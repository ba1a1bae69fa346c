package preflight

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// loginSecret returns a secret named s with a login for a registry.
func loginSecret(registry string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "s"},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"` + registry + `":{"auth":"YTpi"}}}`)},
	}
}

func TestPullSecrets(t *testing.T) {
	account := &corev1.ServiceAccount{
		ObjectMeta:       metav1.ObjectMeta{Namespace: "stig", Name: "default"},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "s"}},
	}
	login := loginSecret("registry.test:5000")
	for name, c := range map[string]struct {
		secrets []string // of the pod
		objects []runtime.Object
		status  Status
		want    string
	}{
		"none":              {nil, nil, Passed, "none: the nodes pull registry.test:5000/app:1 without a login"},
		"of the pod":        {[]string{"s"}, []runtime.Object{login}, Passed, "registry.test:5000"},
		"of the account":    {nil, []runtime.Object{account, login}, Passed, "s: has"},
		"pod over account":  {[]string{"s"}, []runtime.Object{account, login}, Passed, "s: has"},
		"missing":           {[]string{"s"}, nil, Failed, "kubectl create secret docker-registry -n stig s"},
		"account's missing": {nil, []runtime.Object{account}, Failed, "namespace stig has no secret s"},
		"another registry":  {[]string{"s"}, []runtime.Object{loginSecret("other.test")}, Warning, "none of s has a login"},
		"with a scheme":     {[]string{"s"}, []runtime.Object{loginSecret("https://registry.test:5000/v2/")}, Passed, "s"},
		"with a pattern":    {[]string{"s"}, []runtime.Object{loginSecret("*.test:5000")}, Passed, "s"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: kube.ContainerName, Image: "registry.test:5000/app:1",
			}}}}
			for _, s := range c.secrets {
				pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: s})
			}
			check := checkPullSecrets(t.Context(), fake.NewClientset(c.objects...), "stig", pod)
			assert.Equal(t, c.status, check.Status, check.Message)
			assert.Contains(t, check.Message, c.want)
		})
	}
}

func TestPullSecrets_NotCheckedIfTheyMayNotBeRead(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s", errors.New("no"))
	})
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		Containers:       []corev1.Container{{Name: kube.ContainerName, Image: "app"}},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "s"}},
	}}
	check := checkPullSecrets(t.Context(), client, "stig", pod)
	assert.Equal(t, Warning, check.Status)
	assert.Contains(t, check.Message, "not checked: ")
}

func TestRegistryOf(t *testing.T) {
	for image, want := range map[string]string{
		"busybox": "docker.io", "library/busybox:1": "docker.io", "quay.io/a/b@sha256:00": "quay.io",
		"localhost/a": "localhost", "10.0.0.1:5000/a": "10.0.0.1:5000",
	} {
		assert.Equal(t, want, registryOf(image), image)
	}
	assert.True(t, hasLogin(loginSecret("https://index.docker.io/v1/"), "docker.io"))
}
