package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

const (
	// imageFile is the file that make images writes the experiment's image to.
	imageFile = "../../build/volume-durability.tar"
	// pullSecret is the name of the secret that createPullSecret creates.
	pullSecret       = "registry-login"
	registryUser     = "robot"
	registryPassword = "not-a-real-password"
)

// privateImage serves the experiment's image in a registry that demands a login, and returns
// the reference of the image there.
func privateImage(t *testing.T) (ref string) {
	t.Helper()
	requireTestCluster(t) // its nodes can reach the loopback interface of this machine
	file, err := filepath.Abs(imageFile)
	require.NoError(t, err)
	c := exec.CommandContext(within(t), *clusterTool, "registry", *image, file,
		"--user", registryUser, "--password", registryPassword)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	c.Stderr = t.Output()
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		assert.NoError(t, c.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, c.Wait())
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	address = strings.TrimSpace(address)
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, "http://"+address+"/v2/", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode, "the registry must demand a login")
	_, path, _ := strings.Cut(*image, "/")
	return address + "/" + path
}

// createPullSecret creates the secret with the login for the registry of an image.
func createPullSecret(t *testing.T, ns *chaosengine.Namespace, image string) {
	t.Helper()
	registry, _, _ := strings.Cut(image, "/")
	config := fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, registry, registryUser, registryPassword)
	_, err := ns.Kube.CoreV1().Secrets(ns.Name).Create(within(t), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: pullSecret},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(config)},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// withImage returns the namespace with another image for the experiment.
func withImage(ns *chaosengine.Namespace, image string) *chaosengine.Namespace {
	cluster := *ns.Cluster
	cluster.Image = image
	return &chaosengine.Namespace{Cluster: &cluster, Name: ns.Name}
}

// The pods of the run are pulled with the secrets of the experiment's pod, which the engine
// names.
func TestRegistry_PodsInheritThePullSecretsOfTheExperiment(t *testing.T) {
	t.Parallel()
	private := privateImage(t)
	ns := withImage(newNamespace(t), private)
	createPullSecret(t, ns, private)
	require.NoError(t, ns.Start(within(t), chaosengine.Engine{
		Name: "engine", Env: short(nil), PullSecrets: []string{pullSecret},
	}))
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	assert.Equal(t, private, o.result.Tool.Image)
	requireNothingLeft(t, ns)
}

// doctor finds a missing secret, and one without a login for the registry, before a run.
func TestRegistry_DoctorNamesAMissingPullSecret(t *testing.T) {
	t.Parallel()
	private := privateImage(t)
	at := newTerminal(t, newNamespace(t))
	arguments := []string{"--lib-image", private, "--image-pull-secrets", pullSecret}
	code, out, _ := at.exec(append([]string{"doctor"}, arguments...)...)
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "kubectl create secret docker-registry -n "+at.ns.Name+" "+pullSecret)

	createPullSecret(t, at.ns, private)
	code, out, _ = at.exec(append([]string{"doctor"}, arguments...)...)
	assert.Equal(t, 0, code)
	registry, _, _ := strings.Cut(private, "/")
	assert.Contains(t, out, "has a login for "+registry)
	code, _, _ = at.exec(shortRun(arguments...)...)
	assert.Equal(t, 0, code)
	requireNothingLeft(t, at.ns)
}
