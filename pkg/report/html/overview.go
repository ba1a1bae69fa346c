package html

import (
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// overview is a run in the table of all runs.
type overview struct {
	On, When, Engine, Acknowledged, Lost, Deletions, Level string
}

func overviewOf(r result.Result) overview {
	o := overview{On: tested(r), When: unknown, Acknowledged: unknown, Lost: unknown, Deletions: unknown, Level: unknown}
	if when := moment(r.Started); when != "" {
		o.When = when + " UTC"
	}
	if level, any := weakest(r); any {
		o.Level = level.String()
	}
	if r.Engine != nil {
		o.Engine = r.Engine.Name
	}
	cells, acknowledged, deletions := tally(r)
	if cells > 0 {
		o.Acknowledged, o.Deletions = grouped(acknowledged), grouped(deletions)
	}
	if r.Verdict == judge.Pass || r.Verdict == judge.Fail {
		o.Lost = grouped(lost(r))
	}
	return o
}

// tested names what a run was on.
func tested(r result.Result) string {
	var names []string
	for _, c := range r.Cells {
		if !c.Plan.Control {
			names = append(names, nameOf(c))
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return some(names)
}

// lost counts what all cells lost but the control.
func lost(r result.Result) (records uint64) {
	for _, c := range r.Cells {
		if !c.Plan.Control {
			records += c.Lost()
		}
	}
	return records
}

// verdicts counts the runs by what came of them, in the order in which that was first.
func verdicts(runs []runView) string {
	count := map[string]int{}
	var words []string
	for _, r := range runs {
		if count[r.Verdict.Word] == 0 {
			words = append(words, r.Verdict.Word)
		}
		count[r.Verdict.Word]++
	}
	var said []string
	for _, word := range words {
		said = append(said, fmt.Sprintf("%d%s%s", count[word], space, word))
	}
	return counted(len(runs), "run") + ": " + strings.Join(said, ", ")
}

func runsOf(results []result.Result) []string {
	var all []string
	for _, r := range results {
		all = append(all, r.RunID)
	}
	return all
}
