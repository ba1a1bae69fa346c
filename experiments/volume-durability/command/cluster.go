package command

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

// clusterFlags are kubectl's own, by which a cluster and a namespace are named.
type clusterFlags struct{ *genericclioptions.ConfigFlags }

func newClusterFlags() clusterFlags {
	return clusterFlags{genericclioptions.NewConfigFlags(true)}
}

func (f clusterFlags) addTo(flags *pflag.FlagSet) {
	f.AddFlags(flags)
	flags.Lookup("namespace").Usage = "namespace of the claims, the pods and the evidence (WORKLOAD_NAMESPACE) (default " + inputs.Defaults().Namespace + ")"
}

// namespace is the one that was asked for, or that of the STIG check.
func (f clusterFlags) namespace() string {
	if *f.Namespace != "" {
		return *f.Namespace
	}
	return inputs.Defaults().Namespace
}

// connection is a way to a cluster.
type connection struct {
	config *rest.Config
	client kubernetes.Interface
	// context is its name in the kubeconfig; empty in a pod.
	context string
	// warned are the API server's warnings.
	warned *warnings
}

// connect finds the cluster that the flags and the kubeconfig name. It asks it nothing.
func (f clusterFlags) connect() (connection, error) {
	config, err := f.ToRESTConfig()
	if err != nil {
		return connection{}, fmt.Errorf("finding the cluster: %w", err)
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

// connectTo makes the client for a cluster.
func connectTo(config *rest.Config) (connection, error) {
	// client-go's own limit, 5 requests a second, is for controllers; a run of many
	// cells asks in bursts. The API server has its own way to keep order.
	config.QPS, config.Burst = 50, 100
	warned := &warnings{}
	config.WarningHandlerWithContext = warned
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return connection{}, fmt.Errorf("making a client for Kubernetes: %w", err)
	}
	return connection{config: config, client: client, warned: warned}, nil
}

// String names the cluster to a person.
func (c connection) String() string {
	if c.context == "" {
		return c.config.Host
	}
	return fmt.Sprintf("%s at %s", c.context, c.config.Host)
}

// version is the API server's.
func (c connection) version(ctx context.Context) (string, error) {
	said, err := workload.ServerVersion(ctx, c.client)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("reaching %s: %w", c, err)
	}
	return said, nil
}
