package html

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// pageView is the data of the page's template.
type pageView struct {
	Style    template.CSS
	Policy   string
	Patterns template.HTML
	Title    string
	// Headline is the headline of a page with several runs. A single run has its own.
	Headline string
	Runs     []runView
}

// Several reports whether the page has several runs.
func (p pageView) Several() bool { return len(p.Runs) > 1 }

// DeletionsHead is the head of the column with the deletions. Local runs have kills.
func (p pageView) DeletionsHead() string {
	if slices.ContainsFunc(p.Runs, func(r runView) bool { return r.Local }) {
		return "Deletions or kills"
	}
	return "Deletions"
}

// runView is one run on the page.
type runView struct {
	// Name, Anchor and Prefix distinguish the run from others on the page; empty if it is the only one. Prefix begins
	// the ids of all elements in it.
	Name, Anchor, Prefix string
	Level                headingLevel
	Run                  string
	Verdict              badge
	Headline             string
	Reason               string
	Scope                string
	Facts                []fact
	Overview             overviewRow
	Comparisons          []figure
	// Time shows where the time of the run went; nil if the result does not have it.
	Time *figure
	// Cells are the cells that were not skipped, those that need attention first.
	Cells []cellView
	// Verdicts counts the cells by verdict; empty if there is only one.
	Verdicts []verdictCount
	// Rows has the rows of the table of cells, MoreRows those that are collapsed.
	Rows, MoreRows []cellRow
	Skipped        *skippedView
	// Links are the links to the cells, MoreLinks describes the cells without one.
	Links     []cellView
	MoreLinks string
	Several   bool
	// Compacted describes how the page shows the cells without details; empty if it shows the details of all.
	Compacted  string
	NotRemoved string
	About      []table
	// Local is set if the run is local.
	Local bool
}

// headingLevel is 1 for the page's title.
type headingLevel int

// below returns the level of the headings in a section with a heading of this level.
func below(l headingLevel) headingLevel { return l + 1 }

// fact is a name and its value. Code marks identifiers, which are set in a monospaced font.
type fact struct {
	Name, Value string
	Code        bool
}

// badge is a verdict as a word, a symbol and a colour. Kind selects the symbol and the colour.
type badge struct {
	Word string
	Kind string
}

var badgeKinds = map[judge.Verdict]string{
	judge.Pass: "pass", judge.Fail: "fail", judge.Error: "error", judge.Stopped: "stopped",
	judge.NotApplicable: "none", judge.Skipped: "none",
}

func newBadge(v judge.Verdict) badge {
	kind := badgeKinds[v]
	if kind == "" {
		kind = "error"
	}
	word := string(v)
	if word == "" {
		word = "no verdict"
	}
	return badge{word, kind}
}

// newCellBadge returns a cell's badge. That of a control shows whether the run detected the loss of its data.
func newCellBadge(c result.Cell) badge {
	b := newBadge(c.Verdict)
	switch {
	case c.Spec.Control && c.LostAllData():
		return badge{b.Word + ", as expected", "none"}
	case c.Spec.Control && (c.Verdict == judge.Pass || c.Verdict == judge.Fail):
		return badge{"Loss not detected", "error"}
	}
	return b
}

// table has rows under a head. Numeric are the indexes of the columns with numbers.
type table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Numeric map[int]bool
}

// maxTableRows limits the rows of a table in the details of a cell.
const maxTableRows = 200

// shortened returns a table without the rows in its middle, if it has too many. A row with one value says how many
// are left out.
func (t table) shortened(noun string) table {
	left := len(t.Rows) - maxTableRows
	if left <= 0 {
		return t
	}
	const half = maxTableRows / 2
	rows := slices.Clone(t.Rows[:half])
	rows = append(rows, []string{"The result in JSON has " + counted(left, "more "+noun) + "."})
	t.Rows = append(rows, t.Rows[len(t.Rows)-half:]...)
	return t
}

// figure is a chart with its legend, and a table of its numbers.
type figure struct {
	Caption string
	Chart   template.HTML
	Legend  []legendEntry
	Data    table
	Note    string
}

// legendEntry explains the symbol with a class.
type legendEntry struct{ Class, Text string }

func newPageView(results []result.Result) pageView {
	p := pageView{Style: template.CSS(style), Policy: contentSecurityPolicy(), Patterns: chart.Patterns}
	detailed := budget{cells: maxDetailed, all: countCells(results) <= maxDetailed}
	if len(results) == 1 {
		p.Runs = []runView{newRunView(results[0], 0, &detailed)}
		p.Title = p.Runs[0].Verdict.Word + ": volume-durability, run " + results[0].RunID
		return p
	}
	for i, r := range results {
		p.Runs = append(p.Runs, newRunView(r, i+1, &detailed))
	}
	p.Headline = verdictCounts(p.Runs)
	p.Title = p.Headline + ": volume-durability"
	return p
}

// Detailed returns the cells with details.
func (v runView) Detailed() []cellView { return v.withDetails(true) }

// Compact returns the cells of which the page has only the facts.
func (v runView) Compact() []cellView { return v.withDetails(false) }

func (v runView) withDetails(details bool) []cellView {
	var some []cellView
	for _, c := range v.Cells {
		if c.Compact != details {
			some = append(some, c)
		}
	}
	return some
}

// CompactSummary is the heading of the cells without details.
func (v runView) CompactSummary() string {
	return counted(len(v.Compact()), "more cell") + ", without charts"
}

// budget limits the cells of a page that have charts.
type budget struct {
	// cells is the number of cells that may still have charts.
	cells int
	// all is set if all cells may.
	all bool
}

// allows reports whether a cell may have charts, and counts it.
func (b *budget) allows(c result.Cell) bool {
	if b.all {
		return true
	}
	if hasExpectedVerdict(c) || b.cells == 0 {
		return false
	}
	b.cells--
	return true
}

func countCells(results []result.Result) int {
	n := 0
	for _, r := range results {
		n += len(cellOrder(r.Cells))
	}
	return n
}

// newRunView returns a run with its number on the page; 0 if it is the only one.
func newRunView(r result.Result, number int, detailed *budget) runView {
	v := runView{
		Level: 1, Run: r.RunID,
		Verdict: newBadge(r.Verdict), Headline: headline(r), Reason: r.Reason, Scope: scope(r),
		Facts: runFacts(r), Overview: newOverviewRow(r), Several: len(r.Cells) > 1, NotRemoved: r.NotRemoved,
		About: aboutTables(r), Comparisons: comparisonFigures(r.Cells), Time: traceFigure(r),
		Local: r.Options.VolumeSource == options.Local,
	}
	if number > 0 {
		v.Name, v.Anchor, v.Level = fmt.Sprintf("Run %d", number), fmt.Sprintf("run-%d", number), 2
		v.Prefix = v.Anchor + "-"
	}
	for _, i := range cellOrder(r.Cells) {
		c := r.Cells[i]
		at := cellPosition{fmt.Sprintf("%scell-%d", v.Prefix, i+1), below(v.Level)}
		cell := newCellView(r, c, at, !detailed.allows(c))
		cell.Folded = cell.Folded || len(v.Cells) >= maxUnfolded
		v.Cells = append(v.Cells, cell)
		v.Rows = append(v.Rows, newCellRow(c, cell))
	}
	if len(v.Rows) > maxRows+maxRows/2 {
		v.Rows, v.MoreRows = v.Rows[:maxRows], v.Rows[maxRows:]
	}
	v.Links, v.MoreLinks = linksTo(v.Cells)
	v.Skipped = newSkippedView(r.Cells)
	if v.Several {
		v.Verdicts = countVerdicts(r.Cells)
	}
	if len(v.Compact()) > 0 {
		v.Compacted = "The page has more than " + counted(maxDetailed, "cell") + ", so it shows charts only for the first " +
			grouped(maxDetailed) + " whose verdict is not as expected. The result in JSON has the data of all cells."
	}
	return v
}
