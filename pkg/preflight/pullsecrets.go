package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
)

// defaultServiceAccount is the service account of a pod that names none.
const defaultServiceAccount = "default"

// checkPullSecrets checks whether the secrets exist with which the nodes log in to the registry of a pod's image.
func checkPullSecrets(ctx context.Context, client kubernetes.Interface, namespace string, pod *corev1.Pod) Check {
	const check = "image pull secrets"
	image := kube.ContainerOf(pod).Image
	names, err := pullSecretsOf(ctx, client, namespace, pod)
	if err != nil {
		return Check{check, Warning, fmt.Sprintf("not checked: %v", err)}
	}
	if len(names) == 0 {
		return Check{check, Passed, fmt.Sprintf("none: the nodes pull %s without a login, or have it. If its registry "+
			"needs a login, set IMAGE_PULL_SECRETS", image)}
	}
	var missing, unknown []string
	matched := false
	for _, name := range names {
		secret, err := client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, name)
		case err != nil:
			unknown = append(unknown, err.Error())
		default:
			matched = matched || hasLogin(secret, registryOf(image))
		}
	}
	list := strings.Join(names, ", ")
	switch {
	case len(missing) > 0:
		missed := strings.Join(missing, ", ")
		return Check{check, Failed, fmt.Sprintf("namespace %s has no secret %s", namespace, missed) +
			advice.Sentence("create it there: kubectl create secret docker-registry -n "+namespace+" "+missing[0])}
	case len(unknown) > 0:
		return Check{check, Warning, "not checked: " + strings.Join(unknown, "; ")}
	case !matched:
		return Check{check, Warning, fmt.Sprintf("none of %s has a login for %s, the registry of %s",
			list, registryOf(image), image)}
	}
	return Check{check, Passed, fmt.Sprintf("%s: has a login for %s", list, registryOf(image))}
}

// pullSecretsOf returns the names of the secrets that a pod would have: its own, or else those of its service account.
func pullSecretsOf(
	ctx context.Context, client kubernetes.Interface, namespace string, pod *corev1.Pod,
) (names []string, err error) {
	references := pod.Spec.ImagePullSecrets
	if len(references) == 0 {
		name := pod.Spec.ServiceAccountName
		if name == "" {
			name = defaultServiceAccount
		}
		account, err := client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		if err == nil {
			references = account.ImagePullSecrets
		}
	}
	for _, r := range references {
		names = append(names, r.Name)
	}
	return names, nil
}

// dockerHub is the registry of an image whose reference names none.
const dockerHub = "docker.io"

// registryOf returns the registry of an image.
func registryOf(image string) string {
	first, _, found := strings.Cut(image, "/")
	if !found || !strings.ContainsAny(first, ".:") && first != "localhost" {
		return dockerHub
	}
	return first
}

// hasLogin reports whether a secret has a login for a registry. Its entries may have a scheme, a path and patterns
// such as *.example.com (kubernetes.io/docs/concepts/containers/images, "Interpretation of config.json").
func hasLogin(secret *corev1.Secret, registry string) bool {
	type entries map[string]json.RawMessage
	var config struct{ Auths entries }
	content, modern := secret.Data[corev1.DockerConfigJsonKey]
	err := json.Unmarshal(content, &config)
	if !modern {
		err = json.Unmarshal(secret.Data[corev1.DockerConfigKey], &config.Auths)
	}
	if err != nil {
		return false
	}
	registries := []string{registry}
	if registry == dockerHub {
		registries = append(registries, "index.docker.io")
	}
	for entry := range config.Auths {
		entry = strings.TrimPrefix(strings.TrimPrefix(entry, "https://"), "http://")
		host, _, _ := strings.Cut(entry, "/")
		if slices.ContainsFunc(registries, func(r string) bool { ok, _ := path.Match(host, r); return ok }) {
			return true
		}
	}
	return false
}
