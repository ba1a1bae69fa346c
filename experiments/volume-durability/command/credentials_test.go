package command

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
)

// apiServer is an API server that only returns its version, to clients with a token.
func apiServer(t *testing.T, token string) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/version" {
			w.Header().Set("Content-Type", "application/json")
			assert.NoError(t, json.NewEncoder(w).Encode(version.Info{GitVersion: "v1.37.2"}))
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	return server
}

// doctorAs runs doctor with a kubeconfig that has this user.
func doctorAs(t *testing.T, user *api.AuthInfo) (code int, output string) {
	t.Helper()
	config := api.NewConfig()
	config.Clusters["test"] = &api.Cluster{Server: apiServer(t, "secret").URL, InsecureSkipTLSVerify: true}
	config.AuthInfos["test"] = user
	config.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, file))
	code, out, errOut := execute(t, "doctor", "--kubeconfig", file)
	return code, out + errOut
}

// plugin returns a user with an exec plugin that is a shell script.
func plugin(t *testing.T, script string) *api.AuthInfo {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	return &api.AuthInfo{Exec: &api.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: file, Args: []string{"get-token"},
		InteractiveMode: api.NeverExecInteractiveMode, InstallHint: "Install it\n  with apt.",
	}}
}

func TestCredentials_AuthProviderThatWasRemovedIsNamed(t *testing.T) {
	for name, want := range map[string]string{
		"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin convert-kubeconfig", "other": "use an exec plugin",
	} {
		code, output := doctorAs(t, &api.AuthInfo{AuthProvider: &api.AuthProviderConfig{Name: name}})
		assert.Equal(t, terminal.ExitError, code)
		assert.Contains(t, output, `the auth-provider "`+name+`", which client-go has no longer`)
		assert.Contains(t, output, want)
	}
}

func TestCredentials_OIDCIsSupported(t *testing.T) {
	token := "e30.eyJleHAiOjQxMDI0NDQ4MDB9.e30" // expires in the year 2100
	server := apiServer(t, token)
	config := api.NewConfig()
	config.Clusters["test"] = &api.Cluster{Server: server.URL, InsecureSkipTLSVerify: true}
	config.AuthInfos["test"] = &api.AuthInfo{AuthProvider: &api.AuthProviderConfig{Name: "oidc", Config: map[string]string{
		"idp-issuer-url": "https://issuer.test", "client-id": "client", "id-token": token,
	}}}
	config.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, file))
	_, out, errOut := execute(t, "doctor", "--kubeconfig", file)
	assert.Contains(t, out, "Kubernetes v1.37.2", errOut)
}

func TestCredentials_TokenOfAPluginIsUsed(t *testing.T) {
	_, output := doctorAs(t, plugin(t, `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",`+
		`"status":{"token":"secret"}}'`))
	assert.Contains(t, output, "Kubernetes v1.37.2")
}

func TestCredentials_MissingPluginIsNamedWithItsHint(t *testing.T) {
	user := plugin(t, "")
	user.Exec.Command = "no-such-credentials-plugin"
	code, output := doctorAs(t, user)
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, output, "from the command no-such-credentials-plugin (exec), which cannot be run")
	assert.Contains(t, output, "The kubeconfig says: Install it with apt.")
}

func TestCredentials_FailingPluginIsNamedAndItsMessagesArePrinted(t *testing.T) {
	stderr, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	before := os.Stderr
	os.Stderr = stderr // client-go gives it to the plugin
	t.Cleanup(func() {
		os.Stderr = before
		assert.NoError(t, stderr.Close())
	})
	user := plugin(t, "echo 'no single sign-on' >&2; exit 3")
	code, output := doctorAs(t, user)
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, output, "failed with exit code 3")
	assert.Contains(t, output, "run it yourself; its messages are above: "+user.Exec.Command+" get-token")
	printed, err := os.ReadFile(stderr.Name())
	require.NoError(t, err)
	assert.Contains(t, string(printed), "no single sign-on")
}

func TestCredentials_InteractivePluginNeedsATerminal(t *testing.T) {
	input, err := os.Open(os.DevNull)
	require.NoError(t, err)
	before := os.Stdin
	os.Stdin = input
	t.Cleanup(func() {
		os.Stdin = before
		assert.NoError(t, input.Close())
	})
	user := plugin(t, "exit 1")
	user.Exec.InteractiveMode = api.AlwaysExecInteractiveMode
	code, output := doctorAs(t, user)
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, output, "standard input is not a terminal")
	assert.Contains(t, output, "run this program in a terminal")
}
