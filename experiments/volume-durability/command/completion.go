package command

import (
	"cmp"
	"context"
	"encoding/json"
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
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
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
			proposed := withoutListed(withPrefix(typed, values(c.Context(), c, typed)))
			return proposed, cobra.ShellCompDirectiveNoFileComp
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

// withoutListed removes the lists whose last item is among the items before it.
func withoutListed(values []string) []string {
	return slices.DeleteFunc(values, func(v string) bool {
		items := strings.Split(v, ",")
		last := len(items) - 1
		return slices.Contains(items[:last], items[last])
	})
}

// completionOf returns the completion of a flag; nil for the shell's own, which is files.
func completionOf(flag *pflag.Flag) completionFunc {
	switch value := flag.Value.(type) {
	case *terminal.FormatFlag:
		return fixedValues(value.Choices())
	case *terminal.LevelFlag:
		return fixedValues(terminal.LogLevels())
	case ruleFlag:
		return fixedValues(ruleIDs())
	case *style.When:
		return fixedValues(style.Choices())
	}
	switch flag.Name {
	case "context":
		return kubeContexts
	case "namespace":
		return namespaces
	case "cell":
		return cellNames
	case "run":
		return runIDs
	}
	for _, option := range options.Table() {
		if flag.Name == options.FlagName(option.Name) {
			return completionOfOption(option)
		}
	}
	return nil
}

func completionOfOption(option options.Option) completionFunc {
	switch option.Name {
	case "STORAGE_CLASS", "STORAGE_CLASSES":
		return withObjects(option, storageClassNames)
	case "READER_NODE", "WRITER_NODE":
		return withObjects(option, nodeNames)
	case "EXISTING_CLAIM":
		return withObjects(option, claimNames)
	}
	if len(option.Complete("")) > 0 {
		return func(_ context.Context, _ *cobra.Command, typed string) []string { return option.Complete(typed) }
	}
	return nil
}

// objectNames returns the names of all objects of one kind, as far as they can be listed.
type objectNames func(ctx context.Context, cluster connection, namespace string) []string

// withObjects completes an option with its own suggestions and with the names of objects, each after the list of others
// that has been typed already.
func withObjects(option options.Option, list objectNames) completionFunc {
	return func(ctx context.Context, c *cobra.Command, typed string) []string {
		listed := typed[:strings.LastIndex(typed, ",")+1]
		values := option.Complete(typed)
		if option.Name == "WRITER_NODE" && listed != "" {
			return values // this is a list of labels
		}
		withCluster(ctx, c, func(ctx context.Context, cluster connection) {
			for _, name := range list(ctx, cluster, clusterFlagsOf(c).namespace()) {
				values = append(values, listed+name)
			}
		})
		return values
	}
}

func storageClassNames(ctx context.Context, cluster connection, _ string) []string {
	list, err := cluster.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	return namesOf(list.Items)
}

func nodeNames(ctx context.Context, cluster connection, _ string) []string {
	list, err := cluster.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	return namesOf(list.Items)
}

func claimNames(ctx context.Context, cluster connection, namespace string) []string {
	list, err := cluster.client.CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	return namesOf(list.Items)
}

// namesOf returns the names of objects.
func namesOf[T any, P interface {
	*T
	metav1.Object
}](items []T) []string {
	var names []string
	for i := range items {
		names = append(names, P(&items[i]).GetName())
	}
	return names
}

// cellNames returns the names of the cells in the bundles and the ledger of a command line. Without any, they are those
// of the bundles in the current folder.
func cellNames(_ context.Context, c *cobra.Command, _ string) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, file := range bundlesOf(c) {
		b, err := readLocal(file, bundle.Options{})
		if err != nil {
			continue
		}
		if r, err := b.Result(); err == nil {
			for _, cell := range r.Tested() {
				add(cell.DisplayName())
			}
		}
	}
	var ledgers []bundle.Ledger
	content, err := readFile(valueOf(c, "ledger"))
	if err == nil && json.Unmarshal(content, &ledgers) == nil {
		for _, l := range ledgers {
			add(cmp.Or(l.Cell, l.DisplayName))
		}
	}
	return names
}

// bundlesOf returns the paths of the bundles that a command line names.
func bundlesOf(c *cobra.Command) []string {
	named := c.Flags().Args()
	if flag := c.Flag("bundle"); flag != nil {
		named = []string{flag.Value.String()}
	} else if len(named) == 0 {
		named = []string{"."}
	}
	var paths []string
	for _, arg := range named {
		path, err := findLocal(arg)
		if arg == "" || path == "" || err != nil {
			continue
		}
		if inside, err := bundlesIn(path); err == nil && len(inside) > 0 {
			paths = append(paths, inside...)
		} else {
			paths = append(paths, path)
		}
	}
	return paths
}

// valueOf returns the value of a flag; empty if the command does not have it.
func valueOf(c *cobra.Command, name string) string {
	if flag := c.Flag(name); flag != nil {
		return flag.Value.String()
	}
	return ""
}

// runIDs returns the IDs of the runs that have pods or claims in the cluster.
func runIDs(ctx context.Context, c *cobra.Command, _ string) []string {
	found := map[string]bool{}
	withCluster(ctx, c, func(ctx context.Context, cluster connection) {
		namespace := clusterFlagsOf(c).namespace()
		if all, err := c.Flags().GetBool("all-namespaces"); err == nil && all {
			namespace = metav1.NamespaceAll
		}
		core, ofRuns := cluster.client.CoreV1(), metav1.ListOptions{LabelSelector: kube.RunLabel}
		if pods, err := core.Pods(namespace).List(ctx, ofRuns); err == nil {
			for _, p := range pods.Items {
				found[p.Labels[kube.RunLabel]] = true
			}
		}
		if claims, err := core.PersistentVolumeClaims(namespace).List(ctx, ofRuns); err == nil {
			for _, claim := range claims.Items {
				found[claim.Labels[kube.RunLabel]] = true
			}
		}
	})
	return slices.Sorted(maps.Keys(found))
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

// bundleNames completes the names of the bundles in the cluster, in addition to files. Once something has been typed,
// it also completes the IDs of their runs. It proposes nothing that is an argument already.
func bundleNames(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	var names []string
	withCluster(c.Context(), c, func(ctx context.Context, cluster connection) {
		store := bundlestore.Store{Client: cluster.client, Namespace: clusterFlagsOf(c).namespace()}
		bundles, err := store.List(ctx)
		if err != nil {
			return
		}
		for _, b := range bundles {
			names = append(names, b.Name)
			if id := b.Labels[kube.RunLabel]; id != "" && typed != "" {
				names = append(names, id)
			}
		}
	})
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
	return withPrefix(typed, names), cobra.ShellCompDirectiveDefault
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
