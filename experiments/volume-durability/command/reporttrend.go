package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/compare"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// reportTrendCommand holds the flags of the command report trend.
type reportTrendCommand struct {
	report *reportCommand
	scope  scopeFlags
	format terminal.FormatFlag
	cell   string
}

func newReportTrend(streams Streams) *cobra.Command {
	scope := newScopeFlags()
	t := &reportTrendCommand{scope: scope, report: &reportCommand{streams: streams, cluster: scope.clusterFlags}}
	c := &cobra.Command{
		Use: "trend [RUN | FOLDER | FILE]...", Short: "List the verdicts and figures of several runs, oldest first",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: bundleNames,
		Long: `List the verdicts and figures of several runs, oldest first.

The arguments are those of report. A folder may also contain the folders or the packed
bundles of several runs. Without an argument, trend uses all bundles in the current folder.
If there is none, or with --namespace, it uses all bundles in the namespace, and with
--all-namespaces those in all namespaces.

The figures of a run are the worst ones of its cells: the slowest recovery, the highest 99th
percentile of the commits and the lowest rate. The lost records are the sum.`,
		Example: `  # All runs that are kept in a namespace
  volume-durability report trend -n storage-test

  # All runs that are kept in the cluster
  volume-durability report trend -A

  # One cell of the runs in a folder
  volume-durability report trend history/ --cell fast/graceful`,
		RunE: func(c *cobra.Command, args []string) error { return t.execute(c.Context(), args) },
	}
	flags := terminal.NewFlagGroup("Flags")
	t.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	t.scope.addAllNamespaces(flags.FlagSet)
	flags.StringVar(&t.cell, "cell", "", "list only the cell with this name, and only the runs that have it")
	terminal.AddFlagGroups(c, flags, clusterGroup(t.scope.clusterFlags))
	return c
}

func (t *reportTrendCommand) execute(ctx context.Context, args []string) error {
	results, err := t.results(ctx, args)
	if err != nil {
		return err
	}
	cell, err := t.nameOfCell(results)
	if err != nil {
		return err
	}
	points := compare.Trend(results, cell)
	if len(points) == 0 && t.format.Value == "" {
		style.Fprintf(t.report.streams.ErrOut, "No runs found.\n")
		return nil
	}
	return t.format.Write(t.report.streams.Out, points, func() (string, error) { return t.table(points), nil })
}

// nameOfCell returns the name by which users see the cell that --cell names; empty without the flag.
func (t *reportTrendCommand) nameOfCell(results []result.Result) (string, error) {
	if t.cell == "" || len(results) == 0 {
		return "", nil
	}
	var cells []options.CellSpec
	for _, r := range results {
		for _, c := range r.Tested() {
			cells = append(cells, c.Spec)
		}
	}
	i, err := terminal.FindCell(t.cell, cells)
	if err != nil {
		return "", err
	}
	return cells[i].DisplayName(), nil
}

// table renders a trend for a terminal.
func (t *reportTrendCommand) table(points []compare.Point) string {
	out := t.report.streams.Out
	palette := t.format.Color.Palette(out)
	table := style.Table{Rows: compare.TrendRows(points), Columns: []style.Column{
		{Title: "RUN", Name: true}, {Title: "STARTED"},
		{Title: "VERDICT", Color: func(_ int, verdict string) string { return palette.Verdict(verdict) }},
		{Title: "CELLS", Drop: 1}, {Title: "LOST"}, {Title: "RECOVERY", Drop: 4}, {Title: "COMMIT P99", Drop: 3},
		{Title: "RECORDS/S", Drop: 2},
	}}
	return table.Render(style.Width(out))
}

// results returns the results of the runs that the arguments name, each run once.
func (t *reportTrendCommand) results(ctx context.Context, args []string) ([]result.Result, error) {
	if len(args) > 0 && t.scope.allNamespaces {
		return nil, fmt.Errorf("--all-namespaces does not go together with %s", args[0])
	}
	if len(args) == 0 && (t.report.isInCluster() || t.scope.allNamespaces) {
		return t.report.loadStored(ctx, t.scope.namespace())
	}
	if len(args) == 0 {
		found, err := bundlesIn(".")
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return t.report.loadStored(ctx, t.scope.namespace())
		}
		args = found
	}
	var all []result.Result
	for _, arg := range args {
		paths := []string{arg}
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			if paths, err = bundlesIn(arg); err != nil {
				return nil, err
			}
		}
		results, err := t.report.loadResults(ctx, paths...)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return withoutDuplicates(all), nil
}

// withoutDuplicates returns each run once: a folder may have a bundle both packed and unpacked.
func withoutDuplicates(all []result.Result) []result.Result {
	var runs []result.Result
	for _, r := range all {
		if !slices.ContainsFunc(runs, func(known result.Result) bool { return known.RunID == r.RunID }) {
			runs = append(runs, r)
		}
	}
	return runs
}

// bundlesIn returns the folder itself if it is a bundle, or otherwise the bundles directly in it.
func bundlesIn(folder string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(folder, bundle.ManifestFile)); err == nil {
		return []string{folder}, nil
	}
	manifests, err := filepath.Glob(filepath.Join(folder, "*", bundle.ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("looking for bundles in %s: %w", folder, err)
	}
	packed, err := filepath.Glob(filepath.Join(folder, "*.tar.gz"))
	if err != nil {
		return nil, fmt.Errorf("looking for packed bundles in %s: %w", folder, err)
	}
	paths := packed
	for _, m := range manifests {
		paths = append(paths, filepath.Dir(m))
	}
	return paths, nil
}

// loadStored returns the results of all bundles in a namespace, or in all namespaces if it is empty.
func (r *reportCommand) loadStored(ctx context.Context, namespace string) ([]result.Result, error) {
	cluster, err := r.cluster.connect()
	if err != nil {
		return nil, err
	}
	store := bundlestore.Store{Client: cluster.client, Namespace: namespace}
	entries, err := store.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", cluster, err)
	}
	var results []result.Result
	for _, e := range entries {
		store.Namespace = e.Namespace
		b, err := store.Load(ctx, e.Name)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", cluster, err)
		}
		one, err := b.Result()
		if err != nil {
			return nil, fmt.Errorf("reading the result in ConfigMap %s/%s: %w", store.Namespace, e.Name, err)
		}
		results = append(results, one)
	}
	return results, nil
}
