package command

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// The format of the report page, and its file in a bundle.
const (
	formatHTML = "html"
	pageFile   = "report.html"
)

// checklistFormats are the formats that --rule and --asset change.
func checklistFormats() []string { return []string{"ckl", "cklb", "oscal"} }

// bundleFormats maps output formats to files of a bundle.
func bundleFormats() map[string]string {
	return map[string]string{
		formatHTML: pageFile, terminal.FormatJUnit: "junit.xml", "ckl": "checklist.ckl", "cklb": "checklist.cklb",
		"oscal": "assessment-results.json", terminal.FormatJSON: bundle.ResultFile, "ledger": "ledger.json",
		"openmetrics": bundle.MetricsFile, "scan": "scan.json", "manifest": bundle.ManifestFile,
	}
}

// reportFormats returns all output formats of report, sorted.
func reportFormats() []string {
	names := []string{terminal.FormatTable, terminal.FormatYAML}
	for name := range bundleFormats() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// reportCommand holds the flags of the command report.
type reportCommand struct {
	streams     Streams
	cluster     clusterFlags
	format      terminal.FormatFlag
	to          string
	cell        string
	rule, asset string
}

func newReport(streams Streams) *cobra.Command {
	r := &reportCommand{streams: streams, cluster: newClusterFlags()}
	c := &cobra.Command{
		Use: "report [RUN | FOLDER | FILE]...", Short: "Print the result of a run in any format",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: bundleNames,
		Long: `Print the result of a run in any format.

The argument is one of:
  - the folder with the evidence bundle of a run, or the beginning of its name
  - a packed evidence bundle (.tar.gz) or a result.json
  - the name of an evidence bundle in the cluster, or the beginning of its run's ID

Without an argument, report uses the newest bundle in the current folder. If there is none, it
uses the newest one in the namespace: that of --namespace, or of the kubeconfig's context, or
stig. With --namespace, it looks only in that namespace, unless the argument is a path.
With -o html, several arguments produce one page with all runs.

report fails if the files of a bundle differ from its manifest.`,
		Example: `  # The newest run
  volume-durability report

  # One cell of the run whose ID begins with 5f6c
  volume-durability report 5f6c --cell fast/graceful

  # A checklist for STIG Viewer
  volume-durability report volume-durability-5f6c -o cklb --to checklist.cklb

  # Download a whole bundle from the cluster
  volume-durability report 5f6c --to evidence/

  # Two runs on one page
  volume-durability report before after -o html --to both.html`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 && r.format.Value != formatHTML {
				return fmt.Errorf("got %d runs: want one, or -o %s, the only format for several", len(args), formatHTML)
			}
			if format := r.format.Value; r.cell != "" && (format != "" && format != terminal.FormatTable || r.to != "") {
				return errors.New("--cell goes together with -o text and -o table only, and not with --to")
			}
			bundles, err := r.loadAll(c.Context(), args)
			if err != nil {
				return err
			}
			return r.write(bundles)
		},
	}
	flags := terminal.NewFlagGroup("Flags")
	r.format.AddTo(flags.FlagSet, reportFormats()...)
	r.format.Other = isFileName
	flags.Lookup("output").Usage = "output format: " + strings.Join(reportFormats(), ", ") +
		", or the name of a file in the bundle; text if this flag is not set"
	flags.StringVar(&r.to, "to", "", "file to write to instead of standard output; without -o, folder to write the "+
		"whole bundle to")
	flags.StringVar(&r.cell, "cell", "", "print only the cell with this name, as text or a table")
	addChecklistFlags(flags.FlagSet, &r.rule, &r.asset)
	terminal.AddFlagGroups(c, flags, clusterGroup(r.cluster))
	c.AddCommand(newReportList(streams), r.newOpen(), newReportCompare(streams), newReportTrend(streams))
	return c
}

// isFileName reports whether a format may be the name of a file in a bundle.
func isFileName(format string) bool { return strings.Contains(format, ".") }

// write writes bundles in the chosen format.
func (r *reportCommand) write(bundles []loadedBundle) error {
	for _, b := range bundles {
		style.Fprintf(r.streams.ErrOut, "Evidence bundle: %s (matches its manifest)\n", style.Whole(b.from))
	}
	if r.format.Value == "" && r.to != "" {
		if err := bundles[0].Write(r.to); err != nil {
			return err
		}
		style.Fprintf(r.streams.ErrOut, "Written to %s\n", style.Whole(r.to))
		return nil
	}
	content, err := r.render(bundles)
	if err != nil {
		return err
	}
	if r.to != "" {
		return os.WriteFile(r.to, content, 0o644)
	}
	_, err = r.streams.Out.Write(content)
	return err
}

// render renders one bundle in the chosen format, or the page of several.
func (r *reportCommand) render(bundles []loadedBundle) ([]byte, error) {
	if len(bundles) > 1 {
		return renderPage(bundles)
	}
	return r.renderOne(bundles[0].Bundle)
}

func (r *reportCommand) renderOne(b bundle.Bundle) ([]byte, error) {
	format := r.format.Value
	switch format {
	case "", terminal.FormatTable, terminal.FormatYAML:
		outcome, err := b.Result()
		if err != nil {
			return nil, err
		}
		if outcome, err = r.onlyCell(outcome); err != nil {
			return nil, err
		}
		var text strings.Builder
		if r.to == "" {
			r.format.Destination = r.streams.Out
		}
		err = r.format.WriteResult(&text, outcome)
		return []byte(text.String()), err
	}
	name := format
	if file, known := bundleFormats()[format]; known {
		name = file
	}
	content, err := b.File(name)
	if err != nil {
		var files []string
		for _, f := range b.Files {
			files = append(files, f.Name)
		}
		return nil, fmt.Errorf("-o %s: %w; the bundle contains %s", format, err, strings.Join(files, ", "))
	}
	return content, nil
}

// onlyCell returns a result with only the cell that --cell names, whose verdict and reason are those of the result. It
// returns the result itself without the flag.
func (r *reportCommand) onlyCell(outcome result.Result) (result.Result, error) {
	if r.cell == "" {
		return outcome, nil
	}
	if len(outcome.Cells) == 0 {
		return result.Result{}, fmt.Errorf("--cell %s: the run has no cells", r.cell)
	}
	var specs []options.CellSpec
	for _, c := range outcome.Cells {
		specs = append(specs, c.Spec)
	}
	i, err := terminal.FindCell(r.cell, specs)
	if err != nil {
		return result.Result{}, err
	}
	cell := outcome.Cells[i]
	outcome.Cells, outcome.Verdict, outcome.Reason = []result.Cell{cell}, cell.Verdict, cell.Reason
	return outcome, nil
}

// renderPage returns the page of a bundle, or renders one page of several.
func renderPage(bundles []loadedBundle) ([]byte, error) {
	if len(bundles) == 1 {
		return bundles[0].File(pageFile)
	}
	var results []result.Result
	for _, b := range bundles {
		r, err := b.Result()
		if err != nil {
			return nil, fmt.Errorf("reading the result in %s: %w", b.from, err)
		}
		results = append(results, r)
	}
	return html.RenderAll(results...)
}

// withChecklistFlags renders the checklists of a bundle again if --rule or --asset is set.
func (r *reportCommand) withChecklistFlags(b loadedBundle) (loadedBundle, error) {
	if r.rule == "" && r.asset == "" {
		return b, nil
	}
	if !slices.Contains(checklistFormats(), r.format.Value) {
		return loadedBundle{}, errors.New("--rule and --asset require -o " + strings.Join(checklistFormats(), ", "))
	}
	outcome, err := b.Result()
	if err != nil {
		return loadedBundle{}, err
	}
	b.Bundle, err = bundle.Make(outcome, bundle.Options{Rule: r.rule, Asset: r.asset, Location: b.from})
	return b, err
}
