package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/report/compare"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// reportCompareCommand holds the flags of the command report compare.
type reportCompareCommand struct {
	report           *reportCommand
	format           terminal.FormatFlag
	failOnRegression bool
}

func newReportCompare(streams Streams) *cobra.Command {
	cluster := newClusterFlags()
	p := &reportCompareCommand{report: &reportCommand{streams: streams, cluster: cluster}}
	c := &cobra.Command{
		Use: "compare BEFORE AFTER", Short: "Show what changed between two runs",
		Args: terminal.ExactArgs(2, "two runs"), ValidArgsFunction: bundleNames,
		Long: `Show what changed between two runs: verdicts, figures, StorageClasses, mounts, kernels,
versions and options. Cells are matched by their names. If each run has only one cell
besides the control, these two are compared, even if their StorageClasses differ.

The arguments are those of report.

Exit codes:
  0    the runs were compared
  1    with --fail-on-regression: the verdict of the run or of a cell got worse
  2    the command failed`,
		Example: `  # Before and after an upgrade of the CSI driver
  volume-durability report compare before/ after/

  # In CI, with the last good run
  volume-durability report compare last-good.tar.gz volume-durability-5f6c --fail-on-regression`,
		RunE: func(c *cobra.Command, args []string) error { return p.execute(c.Context(), args[0], args[1]) },
	}
	flags := terminal.NewFlagGroup("Flags")
	p.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	flags.BoolVar(&p.failOnRegression, "fail-on-regression", false, "exit with 1 if the verdict of the run or of a cell "+
		"got worse")
	terminal.AddFlagGroups(c, flags, clusterGroup(cluster))
	return c
}

func (p *reportCompareCommand) execute(ctx context.Context, before, after string) error {
	results, err := p.report.loadResults(ctx, before, after)
	if err != nil {
		return err
	}
	compared := compare.Compare(results[0], results[1])
	err = p.format.Write(p.report.streams.Out, compared, func() (string, error) {
		return compared.Text(comparisonTable(style.Width(p.report.streams.Out))), nil
	})
	if err == nil && p.failOnRegression && compared.Regression {
		return &terminal.Exit{Code: terminal.ExitFail}
	}
	return err
}

// comparisonTable returns a function that renders tables of at most width columns.
func comparisonTable(width int) compare.TableFunc {
	return func(titles []string, rows [][]string) string {
		table := style.Table{Rows: rows}
		for i, title := range titles {
			table.Columns = append(table.Columns, style.Column{Title: title, Name: i < len(titles)-1})
		}
		var text strings.Builder
		for line := range strings.Lines(table.Render(width)) {
			text.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
		return text.String()
	}
}

// loadResults loads and verifies the bundles that the arguments name, and returns their results.
func (r *reportCommand) loadResults(ctx context.Context, args ...string) ([]result.Result, error) {
	var results []result.Result
	for _, arg := range args {
		b, err := r.load(ctx, arg)
		if err != nil {
			return nil, err
		}
		one, err := b.Result()
		if err != nil {
			return nil, fmt.Errorf("reading the result in %s: %w", b.from, err)
		}
		results = append(results, one)
	}
	return results, nil
}
