package html

import (
	"cmp"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Limits of what a page shows without a click or at all, so that the page of a very large run opens quickly.
const (
	// maxDetailed is the number of cells with charts.
	maxDetailed = 100
	// maxUnfolded is the number of cells of a run whose charts are not collapsed.
	maxUnfolded = 10
	// maxRows is the number of rows of a table of cells that is not collapsed.
	maxRows = 50
	// maxLinks is the number of links to the cells of a run.
	maxLinks = 30
)

// rank orders cells: those that need attention first.
func rank(c result.Cell) int {
	switch b := newCellBadge(c); {
	case c.Verdict == judge.Skipped:
		return 7
	case c.Spec.Control && b.Kind == "none":
		return 6
	case b.Kind == "fail":
		return 0
	case c.Spec.Control && b.Kind == "error":
		return 1
	case b.Kind == "error":
		return 2
	case b.Kind == "stopped":
		return 3
	case b.Kind == "pass":
		return 4
	default:
		return 5
	}
}

// hasExpectedVerdict reports whether a cell needs no attention.
func hasExpectedVerdict(c result.Cell) bool {
	return c.Spec.Control && c.LostAllData() || !c.Spec.Control && c.Verdict == judge.Pass
}

// cellOrder returns the indexes of the cells in the order of the page. Skipped cells are not among them.
func cellOrder(cells []result.Cell) []int {
	var order []int
	for i, c := range cells {
		if c.Verdict != judge.Skipped {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(cells[a]), rank(cells[b])) })
	return order
}

// verdictCount is the number of cells with a verdict.
type verdictCount struct {
	Count   string
	Verdict badge
}

// countVerdicts counts the cells by verdict, in the order of the page.
func countVerdicts(cells []result.Cell) []verdictCount {
	sorted := slices.Clone(cells)
	slices.SortStableFunc(sorted, func(a, b result.Cell) int { return cmp.Compare(rank(a), rank(b)) })
	var counts []verdictCount
	for len(sorted) > 0 {
		b := newCellBadge(sorted[0])
		n := slices.IndexFunc(sorted, func(c result.Cell) bool { return newCellBadge(c) != b })
		if n < 0 {
			n = len(sorted)
		}
		if sorted[0].Spec.Control {
			b.Word += " (control)"
		}
		counts, sorted = append(counts, verdictCount{grouped(n), b}), sorted[n:]
	}
	return counts
}

// skippedView has the skipped cells in one line, with their reasons below it.
type skippedView struct {
	Summary string
	Reasons []skipReason
}

// skipReason is a reason and the cells that were skipped for it.
type skipReason struct{ Reason, Cells string }

// newSkippedView returns the skipped cells of a run; nil if there are none.
func newSkippedView(cells []result.Cell) *skippedView {
	var names []string
	byReason := map[string][]string{}
	var reasons []string
	for _, c := range cells {
		if c.Verdict != judge.Skipped {
			continue
		}
		names = append(names, c.DisplayName())
		if byReason[c.Reason] == nil {
			reasons = append(reasons, c.Reason)
		}
		byReason[c.Reason] = append(byReason[c.Reason], c.DisplayName())
	}
	if len(names) == 0 {
		return nil
	}
	v := &skippedView{
		Summary: counted(len(names), "cell") + " " + judge.WasOrWere(len(names)) + " skipped: " + listNames(names),
	}
	for _, reason := range reasons {
		v.Reasons = append(v.Reasons, skipReason{reason, strings.Join(byReason[reason], ", ")})
	}
	return v
}

// linksTo returns the links to cells, in the order of the page. If there are too many, it leaves out those with the
// expected verdict, and then the last ones; more describes what was left out.
func linksTo(cells []cellView) (links []cellView, more string) {
	if len(cells) <= maxLinks {
		return cells, ""
	}
	for _, c := range cells {
		if !c.Expected && len(links) < maxLinks {
			links = append(links, c)
		}
	}
	return links, counted(len(cells)-len(links), "more cell")
}

// name renders the name of a cell. A name that fits on every screen stays on one line. Others may break after a slash.
func name(s string) template.HTML {
	if isShort(s) {
		return whole(s)
	}
	var parts []string
	for _, part := range strings.SplitAfter(s, "/") {
		if isShort(part) {
			parts = append(parts, string(whole(part)))
			continue
		}
		parts = append(parts, template.HTMLEscapeString(part))
	}
	return template.HTML(strings.Join(parts, "<wbr>"))
}

var (
	digitGroups = regexp.MustCompile(`(\d) (\d{3})\b`)
	compounds   = regexp.MustCompile(`\S+[-/]\S+`)
)

// prose renders a text of a result. Its numbers and its short names, which may have hyphens, stay on one line.
func prose(text string) template.HTML {
	text = digitGroups.ReplaceAllString(text, "$1"+space+"$2")
	text = digitGroups.ReplaceAllString(text, "$1"+space+"$2") // the groups of one number overlap
	var out strings.Builder
	at := 0
	for _, word := range compounds.FindAllStringIndex(text, -1) {
		out.WriteString(template.HTMLEscapeString(text[at:word[0]]))
		out.WriteString(string(name(text[word[0]:word[1]])))
		at = word[1]
	}
	return template.HTML(out.String() + template.HTMLEscapeString(text[at:]))
}

func isShort(s string) bool {
	const fits = 26
	return utf8.RuneCountInString(s) <= fits
}

func whole(s string) template.HTML {
	return template.HTML(`<span class="whole">` + template.HTMLEscapeString(s) + "</span>")
}
