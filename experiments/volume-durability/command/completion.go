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

	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// completer proposes values for a flag of which something has been typed.
type completer func(ctx context.Context, c *cobra.Command, typed string) []string

// complete has the shell propose values for the flags of a command and of those below it.
func complete(c *cobra.Command) {
	c.Flags().VisitAll(func(flag *pflag.Flag) {
		propose := completerOf(flag)
		if propose == nil {
			return
		}
		err := c.RegisterFlagCompletionFunc(flag.Name, func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return beginning(typed, propose(c.Context(), c, typed)), cobra.ShellCompDirectiveNoFileComp
		})
		if err != nil {
			panic(fmt.Sprintf("completing --%s of %s: %v", flag.Name, c.CommandPath(), err)) // it was completed before
		}
	})
	for _, sub := range c.Commands() {
		complete(sub)
	}
}

// beginning are the values that go on from what has been typed.
func beginning(typed string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, typed) })
}

// completerOf is nil where nothing is to be proposed but, as shells do, files.
func completerOf(flag *pflag.Flag) completer {
	switch value := flag.Value.(type) {
	case *formatFlag:
		return words(value.allowed)
	case *levelFlag:
		return words(levels())
	}
	switch flag.Name {
	case "form":
		return words(slices.Sorted(maps.Keys(forms())))
	case "context":
		return contexts
	case "namespace":
		return namespaces
	}
	for _, input := range options.Table() {
		if flag.Name == flagOf(input.Name) {
			return ofInput(input)
		}
	}
	return nil
}

func ofInput(input options.Option) completer {
	switch {
	case input.Name == "STORAGE_CLASS" || input.Name == "STORAGE_CLASSES":
		return func(ctx context.Context, c *cobra.Command, typed string) []string {
			return append(input.Complete(typed), classes(ctx, c, typed)...)
		}
	case len(input.Complete("")) > 0:
		return func(_ context.Context, _ *cobra.Command, typed string) []string { return input.Complete(typed) }
	}
	return nil
}

func words(all []string) completer {
	return func(context.Context, *cobra.Command, string) []string { return all }
}

// contexts are those of the kubeconfig.
func contexts(_ context.Context, c *cobra.Command, _ string) []string {
	config, err := clusterOf(c).ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(config.Contexts))
}

// keystrokePatience is how long somebody who has pressed a key waits for the cluster.
const keystrokePatience = 3 * time.Second

func namespaces(ctx context.Context, c *cobra.Command, _ string) []string {
	var names []string
	asking(ctx, c, func(ctx context.Context, cluster connection) {
		if list, err := cluster.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); err == nil {
			for _, one := range list.Items {
				names = append(names, one.Name)
			}
		}
	})
	return names
}

// evidenceKept completes the names of runs: evidence in the cluster, beside files.
func evidenceKept(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var names []string
	asking(c.Context(), c, func(ctx context.Context, cluster connection) {
		bundles, err := bundlestore.Store{Client: cluster.client, Namespace: clusterOf(c).namespace()}.List(ctx)
		if err != nil {
			return
		}
		for _, one := range bundles {
			names = append(names, one.Name)
		}
	})
	return beginning(typed, names), cobra.ShellCompDirectiveDefault
}

// classes are the cluster's, also behind others that are listed already.
func classes(ctx context.Context, c *cobra.Command, typed string) []string {
	listed := typed[:strings.LastIndex(typed, ",")+1]
	var names []string
	asking(ctx, c, func(ctx context.Context, cluster connection) {
		if list, err := cluster.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{}); err == nil {
			for _, one := range list.Items {
				names = append(names, listed+one.Name)
			}
		}
	})
	return names
}

// asking asks the cluster that has been named so far. Where there is none, or it
// does not answer, nothing is proposed.
func asking(ctx context.Context, c *cobra.Command, do func(context.Context, connection)) {
	cluster, err := clusterOf(c).connect()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keystrokePatience)
	defer cancel()
	do(ctx, cluster)
}

// clusterOf are the flags by which a command line has named a cluster.
func clusterOf(c *cobra.Command) clusterFlags {
	named := newClusterFlags()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	named.addTo(flags)
	c.Flags().Visit(func(given *pflag.Flag) {
		if flag := flags.Lookup(given.Name); flag != nil {
			_ = flag.Value.Set(given.Value.String()) // it was taken once
		}
	})
	return named
}
