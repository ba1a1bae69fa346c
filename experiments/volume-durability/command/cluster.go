package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// clusterFlags are kubectl's flags that select a cluster and a namespace.
type clusterFlags struct{ *genericclioptions.ConfigFlags }

func newClusterFlags() clusterFlags {
	return clusterFlags{genericclioptions.NewConfigFlags(true)}
}

func (f clusterFlags) addTo(flags *pflag.FlagSet) {
	f.AddFlags(flags)
	flags.Lookup("namespace").Usage = "namespace of the claims, pods and evidence bundles (default that of " +
		"the kubeconfig's context, or " + options.Defaults().Namespace + ")"
}

// namespace returns the namespace that the flag names, that of the kubeconfig's context, or the default one.
func (f clusterFlags) namespace() string {
	return cmp.Or(*f.Namespace, f.contextNamespace(), options.Defaults().Namespace)
}

// contextNamespace returns the namespace of the kubeconfig's context; empty if the context has none.
func (f clusterFlags) contextNamespace() string {
	raw, err := f.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return ""
	}
	if selected := raw.Contexts[cmp.Or(*f.Context, raw.CurrentContext)]; selected != nil {
		return selected.Namespace
	}
	return ""
}

// isConfigured reports whether a kubeconfig, a flag or the pod of this program names a cluster. Without any of them,
// client-go uses localhost:8080.
func (f clusterFlags) isConfigured() bool {
	raw, err := f.ToRawKubeConfigLoader().RawConfig()
	return err != nil || len(raw.Clusters) > 0 || *f.APIServer != "" || os.Getenv("KUBERNETES_SERVICE_HOST") != ""
}

// kubectlFlags returns the flags with which kubectl and this program select the same cluster, as part of a command.
func (f clusterFlags) kubectlFlags() string {
	var flags string
	if *f.KubeConfig != "" {
		flags += " --kubeconfig " + *f.KubeConfig
	}
	if *f.Context != "" {
		flags += " --context " + *f.Context
	}
	return flags
}

// scopeFlags select a cluster, and one namespace or all of them.
type scopeFlags struct {
	clusterFlags
	allNamespaces bool
}

func newScopeFlags() scopeFlags { return scopeFlags{clusterFlags: newClusterFlags()} }

// addAllNamespaces adds the flag --all-namespaces.
func (f *scopeFlags) addAllNamespaces(flags *pflag.FlagSet) {
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "search all namespaces")
}

// namespace returns the namespace to search, which is empty for all of them.
func (f *scopeFlags) namespace() string {
	if f.allNamespaces {
		return metav1.NamespaceAll
	}
	return f.clusterFlags.namespace()
}

// String describes the namespaces to search.
func (f *scopeFlags) String() string {
	if f.allNamespaces {
		return "all namespaces"
	}
	return "namespace " + f.namespace()
}

// connection is a client of a cluster.
type connection struct {
	config *rest.Config
	client kubernetes.Interface
	// logs reads the logs of pods.
	logs kubernetes.Interface
	// dynamic is nil without a cluster.
	dynamic dynamic.Interface
	// context is the name of the context in the kubeconfig; empty in a pod.
	context string
	// warned are the API server's warnings.
	warned *warnings
}

// connect makes a client for the cluster that the flags and the kubeconfig select. It sends no request. Without any
// cluster it returns an error, because client-go would use localhost:8080.
func (f clusterFlags) connect() (connection, error) {
	if !f.isConfigured() {
		return connection{}, errors.New("there is no kubeconfig" + advice.Sentence("set KUBECONFIG or --kubeconfig"))
	}
	config, err := f.ToRESTConfig()
	if err != nil {
		return connection{}, fmt.Errorf("loading the cluster's configuration: %w", err)
	}
	c, err := connectTo(config)
	if err != nil {
		return connection{}, err
	}
	if raw, err := f.ToRawKubeConfigLoader().RawConfig(); err == nil {
		c.context = raw.CurrentContext
	}
	if *f.Context != "" {
		c.context = *f.Context
	}
	return c, nil
}

// connectTo makes a client for a cluster.
func connectTo(config *rest.Config) (connection, error) {
	// client-go's default limit of 5 requests per second is meant for controllers. A run
	// of many cells sends its requests in bursts; the API server limits them itself.
	config.QPS, config.Burst = 50, 100
	warned := &warnings{}
	config.WarningHandlerWithContext = warned
	if err := checkCredentials(config); err != nil {
		return connection{}, err
	}
	client, err := newClient(config)
	if err != nil {
		return connection{}, fmt.Errorf("creating the Kubernetes client: %w", err)
	}
	logs, err := newClient(kube.LogConfig(config))
	if err != nil {
		return connection{}, fmt.Errorf("creating the Kubernetes client for logs: %w", err)
	}
	anyKind, err := dynamic.NewForConfig(config)
	if err != nil {
		return connection{}, fmt.Errorf("creating the dynamic Kubernetes client: %w", err)
	}
	return connection{config: config, client: client, logs: logs, dynamic: anyKind, warned: warned}, nil
}

// newClient returns a client for a cluster. Its errors explain what is wrong with an exec plugin.
func newClient(config *rest.Config) (kubernetes.Interface, error) {
	if config.ExecProvider == nil {
		return kubernetes.NewForConfig(config)
	}
	config = rest.CopyConfig(config)
	config.UserAgent = rest.DefaultKubernetesUserAgent() // as NewForConfig does
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	client.Transport = credentialErrors{client.Transport, config.ExecProvider}
	return kubernetes.NewForConfigAndClient(config, client)
}

// String names the cluster for a user.
func (c connection) String() string {
	if c.context == "" {
		return c.config.Host
	}
	return fmt.Sprintf("%s (%s)", c.context, c.config.Host)
}

// version returns the version of the API server.
func (c connection) version(ctx context.Context) (string, error) {
	version, err := kube.ServerVersion(ctx, c.client)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("connecting to cluster %s: %w", c, err)
	}
	return version, nil
}
