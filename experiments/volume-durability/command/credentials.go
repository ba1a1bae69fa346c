package command

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"

	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // as in kubectl: the only auth-provider that client-go still has
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// replacements are the commands that replace an auth-provider of a kubeconfig which client-go no longer has.
var replacements = map[string]string{
	"gcp": "install gke-gcloud-auth-plugin and run gcloud container clusters get-credentials CLUSTER",
	"azure": "install kubelogin (github.com/Azure/kubelogin) and run kubelogin convert-kubeconfig -l azurecli, or " +
		"az aks get-credentials",
	"openstack": "install client-keystone-auth (kubernetes/cloud-provider-openstack) and use it as an exec plugin",
}

// checkCredentials returns an error if the client cannot get the credentials of the user in the kubeconfig. It runs no
// command and sends no request.
func checkCredentials(config *rest.Config) error {
	if p := config.AuthProvider; p != nil && p.Name != "oidc" {
		replacement := cmp.Or(replacements[p.Name], "use an exec plugin, a token or a certificate")
		return fmt.Errorf("the user of the kubeconfig has the auth-provider %q, which client-go has no longer%s", p.Name,
			advice.Sentence(replacement))
	}
	if plugin := config.ExecProvider; plugin != nil {
		return checkPlugin(plugin)
	}
	return nil
}

// checkPlugin returns an error if the command of an exec plugin does not exist.
func checkPlugin(plugin *api.ExecConfig) error {
	_, err := exec.LookPath(plugin.Command)
	if err == nil || errors.Is(err, exec.ErrDot) { // client-go reports that itself
		return nil
	}
	hint := oneLine(plugin.InstallHint)
	if hint != "" {
		hint = " The kubeconfig says: " + hint
	}
	return fmt.Errorf("the user of the kubeconfig gets credentials from the command %s (exec), which cannot be run: %w%s",
		plugin.Command, err, advice.After(err.Error(), "install it, or add its folder to PATH.")+hint)
}

// oneLine joins the words of a text by single spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// credentialErrors is a transport that explains errors of an exec plugin.
type credentialErrors struct {
	http.RoundTripper
	plugin *api.ExecConfig
}

// RoundTrip sends a request. client-go prints what the plugin prints on standard error, so the error does not have it.
func (c credentialErrors) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(request)
	if err == nil || !strings.Contains(err.Error(), "getting credentials: ") {
		return response, err
	}
	command := strings.Join(append([]string{c.plugin.Command}, c.plugin.Args...), " ")
	what := "run it yourself; its messages are above: " + command
	if strings.Contains(err.Error(), "cannot support interactive mode") {
		what = "run this program in a terminal, because the plugin asks for input: " + command
	}
	return response, fmt.Errorf("%w%s", err, advice.After(err.Error(), what))
}
