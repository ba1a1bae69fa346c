package command

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// completionFunc returns the values that the shell can propose for a flag of which
// something has been typed.
type completionFunc func(ctx context.Context, c *cobra.Command, typed string) []string

// registerCompletions registers the completions of all flags of a command and of its
// subcommands.
func registerCompletions(c *cobra.Command) {
	c.Flags().VisitAll(func(flag *pflag.Flag) {
		values := completionOf(flag)
		if values == nil {
			return
		}
		complete := func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return withPrefix(typed, values(c.Context(), c, typed)), cobra.ShellCompDirectiveNoFileComp
		}
		if err := c.RegisterFlagCompletionFunc(flag.Name, complete); err != nil {
			panic(fmt.Sprintf("--%s of %s has two completions: %v", flag.Name, c.CommandPath(), err))
		}
	})
	for _, sub := range c.Commands() {
		registerCompletions(sub)
	}
}

// withPrefix returns the values that begin with what has been typed.
func withPrefix(typed string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, typed) })
}

// completionOf returns the completion of a flag; nil for the shell's own, which is files.
func completionOf(flag *pflag.Flag) completionFunc {
	switch value := flag.Value.(type) {
	case *terminal.FormatFlag:
		return fixedValues(value.Allowed)
	case *terminal.LevelFlag:
		return fixedValues(terminal.LogLevels())
	case *style.When:
		return fixedValues(style.Choices())
	}
	switch flag.Name {
	case "context":
		return kubeContexts
	case "namespace":
		return namespaces
	}
	for _, option := range options.Table() {
		if flag.Name == flagName(option.Name) {
			return completionOfOption(option)
		}
	}
	return nil
}

func completionOfOption(option options.Option) completionFunc {
	switch {
	case option.Name == "STORAGE_CLASS" || option.Name == "STORAGE_CLASSES":
		return func(ctx context.Context, c *cobra.Command, typed string) []string {
			return append(option.Complete(typed), storageClasses(ctx, c, typed)...)
		}
	case len(option.Complete("")) > 0:
		return func(_ context.Context, _ *cobra.Command, typed string) []string { return option.Complete(typed) }
	}
	return nil
}

func fixedValues(values []string) completionFunc {
	return func(context.Context, *cobra.Command, string) []string { return values }
}

// kubeContexts returns the contexts of the kubeconfig.
func kubeContexts(_ context.Context, c *cobra.Command, _ string) []string {
	config, err := clusterFlagsOf(c).ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(config.Contexts))
}

func namespaces(ctx context.Context, c *cobra.Command, _ string) []string {
	var names []string
	withCluster(ctx, c, func(ctx context.Context, cluster connection) {
		if list, err := cluster.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); err == nil {
			for _, namespace := range list.Items {
				names = append(names, namespace.Name)
			}
		}
	})
	return names
}

// bundleNames completes the names of the bundles in the cluster, in addition to files.
func bundleNames(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var names []string
	withCluster(c.Context(), c, func(ctx context.Context, cluster connection) {
		store := bundlestore.Store{Client: cluster.client, Namespace: clusterFlagsOf(c).namespace()}
		bundles, err := store.List(ctx)
		if err != nil {
			return
		}
		for _, b := range bundles {
			names = append(names, b.Name)
		}
	})
	return withPrefix(typed, names), cobra.ShellCompDirectiveDefault
}

// storageClasses returns the StorageClasses of the cluster, each after the list of
// others that has been typed already.
func storageClasses(ctx context.Context, c *cobra.Command, typed string) []string {
	listed := typed[:strings.LastIndex(typed, ",")+1]
	var names []string
	withCluster(ctx, c, func(ctx context.Context, cluster connection) {
		if list, err := cluster.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{}); err == nil {
			for _, class := range list.Items {
				names = append(names, listed+class.Name)
			}
		}
	})
	return names
}

// completionTimeout bounds how long a user who presses Tab waits for the cluster.
const completionTimeout = 3 * time.Second

// withCluster calls do with the cluster of the flags that are already set. It does nothing
// if there is no cluster.
func withCluster(ctx context.Context, c *cobra.Command, do func(context.Context, connection)) {
	cluster, err := clusterFlagsOf(c).connect()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	do(ctx, cluster)
}

// clusterFlagsOf returns the cluster flags that are set on a command line.
func clusterFlagsOf(c *cobra.Command) clusterFlags {
	cluster := newClusterFlags()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	cluster.addTo(flags)
	c.Flags().Visit(func(set *pflag.Flag) {
		if flag := flags.Lookup(set.Name); flag != nil {
			_ = flag.Value.Set(set.Value.String()) // the flag has accepted this value before
		}
	})
	return cluster
}
