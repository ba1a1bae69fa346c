package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/result"
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
		Use: "list", Short: "List the evidence bundles in the current folder and in a namespace, newest first",
		Args: cobra.NoArgs,
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
	// Namespace is that of a bundle in the cluster, Folder the path of one on this machine.
	Namespace string `json:"namespace,omitempty"`
	Folder    string `json:"folder,omitempty"`
	Name      string `json:"name"`
	Run       string `json:"run"`
	Verdict   string `json:"verdict"`
	// Cluster is the cluster that was tested; empty for a local run.
	Cluster   string    `json:"cluster,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// execute lists the bundles. If those in the cluster cannot be listed, it still lists those in the current folder.
func (l *reportListCommand) execute(ctx context.Context) error {
	listed, err := localBundles(".")
	if err != nil {
		return err
	}
	stored, where, clusterErr := l.inCluster(ctx)
	listed = append(listed, stored...)
	slices.SortStableFunc(listed, func(a, b listedBundle) int { return b.CreatedAt.Compare(a.CreatedAt) })
	if len(listed) == 0 && l.format.Value == "" {
		if clusterErr == nil {
			style.Fprintf(l.streams.ErrOut, "No evidence bundles found in the current folder%s.\n", where)
		}
		return clusterErr
	}
	err = l.format.Write(l.streams.Out, listed, func() (string, error) {
		return l.table(l.streams.Out, listed, time.Now()), nil
	})
	return errors.Join(err, clusterErr)
}

// inCluster lists the bundles in the cluster. Where describes where it looked.
func (l *reportListCommand) inCluster(ctx context.Context) (listed []listedBundle, where string, err error) {
	if !l.scope.isConfigured() {
		return nil, "; no cluster is configured", nil
	}
	cluster, err := l.scope.connect()
	if err != nil {
		return nil, "", err
	}
	entries, err := bundlestore.Store{Client: cluster.client, Namespace: l.scope.namespace()}.List(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("cluster %s: %w", cluster, err)
	}
	for _, e := range entries {
		listed = append(listed, listedBundle{
			Namespace: e.Namespace, Name: e.Name, Run: e.Manifest.RunID, Verdict: string(e.Manifest.Verdict),
			Cluster: cluster.config.Host, CreatedAt: e.CreationTimestamp.Time,
		})
	}
	return listed, fmt.Sprintf(", or in %s of cluster %s", &l.scope, cluster), nil
}

// localBundles returns the bundles in a folder, and the folder itself if it is one. It does not verify them.
func localBundles(in string) ([]listedBundle, error) {
	manifests, err := filepath.Glob(filepath.Join(in, "*", bundle.ManifestFile))
	if err != nil {
		return nil, err
	}
	listed := []listedBundle{}
	for _, file := range append(manifests, filepath.Join(in, bundle.ManifestFile)) {
		if b, ok := readListed(filepath.Dir(file)); ok {
			listed = append(listed, b)
		}
	}
	return listed, nil
}

// readListed describes the bundle in a folder. Ok is false if the folder is not a readable bundle.
func readListed(folder string) (b listedBundle, ok bool) {
	var manifest bundle.Manifest
	var outcome struct {
		StartedAt, EndedAt time.Time
		Cluster            result.Cluster
	}
	for name, value := range map[string]any{bundle.ManifestFile: &manifest, bundle.ResultFile: &outcome} {
		content, err := readFile(filepath.Join(folder, name))
		if err != nil || json.Unmarshal(content, value) != nil {
			return listedBundle{}, false
		}
	}
	if manifest.RunID == "" {
		return listedBundle{}, false
	}
	created := outcome.EndedAt
	if created.IsZero() {
		created = outcome.StartedAt
	}
	return listedBundle{
		Folder: folder, Name: filepath.Base(folder), Run: manifest.RunID, Verdict: string(manifest.Verdict),
		Cluster: outcome.Cluster.Server, CreatedAt: created,
	}, true
}

// table renders the bundles for a terminal.
func (l *reportListCommand) table(out io.Writer, listed []listedBundle, now time.Time) string {
	palette := l.format.Color.Palette(out)
	table := style.Table{Columns: []style.Column{
		{Title: "NAME", Name: true}, {Title: "NAMESPACE", Drop: 2}, {Title: "RUN"},
		{Title: "VERDICT", Color: func(_ int, verdict string) string { return palette.Verdict(verdict) }},
		{Title: "AGE"}, {Title: "CLUSTER", Drop: 1},
	}}
	for _, b := range listed {
		age := duration.HumanDuration(now.Sub(b.CreatedAt))
		namespace := cmp.Or(b.Namespace, "(folder)")
		table.Rows = append(table.Rows, []string{b.Name, namespace, shortRun(b.Run), b.Verdict, age, cmp.Or(b.Cluster, "-")})
	}
	return table.Render(style.Width(out))
}
