package command

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
)

// reportListCommand holds the flags of the command report list.
type reportListCommand struct {
	streams Streams
	scope   scopeFlags
	format  terminal.FormatFlag
}

func newReportList(streams Streams) *cobra.Command {
	l := &reportListCommand{streams: streams, scope: newScopeFlags()}
	c := &cobra.Command{
		Use: "list", Short: "List the evidence bundles in the cluster, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return l.execute(c.Context()) },
	}
	flags := terminal.NewFlagGroup("Flags")
	l.scope.addAllNamespaces(flags.FlagSet)
	l.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	terminal.AddFlagGroups(c, flags, clusterGroup(l.scope.clusterFlags))
	return c
}

// listedBundle is a bundle in the output of report list.
type listedBundle struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Run       string    `json:"run"`
	Verdict   string    `json:"verdict"`
	CreatedAt time.Time `json:"createdAt"`
}

func (l *reportListCommand) execute(ctx context.Context) error {
	cluster, err := l.scope.connect()
	if err != nil {
		return err
	}
	entries, err := bundlestore.Store{Client: cluster.client, Namespace: l.scope.namespace()}.List(ctx)
	if err != nil {
		return fmt.Errorf("cluster %s: %w", cluster, err)
	}
	listed := []listedBundle{}
	for _, e := range entries {
		listed = append(listed, listedBundle{
			Namespace: e.Namespace, Name: e.Name, Run: e.Manifest.RunID, Verdict: string(e.Manifest.Verdict),
			CreatedAt: e.CreationTimestamp.Time,
		})
	}
	if len(listed) == 0 && l.format.Value == "" {
		fmt.Fprintf(l.streams.ErrOut, "No evidence bundles found in %s of cluster %s.\n", &l.scope, cluster)
		return nil
	}
	return l.format.Write(l.streams.Out, listed, func() (string, error) { return bundleTable(listed, time.Now()) })
}

func bundleTable(listed []listedBundle, now time.Time) (string, error) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAMESPACE\tNAME\tRUN\tVERDICT\tAGE")
	for _, b := range listed {
		age := duration.HumanDuration(now.Sub(b.CreatedAt))
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", b.Namespace, b.Name, b.Run, b.Verdict, age)
	}
	err := w.Flush()
	return text.String(), err
}
