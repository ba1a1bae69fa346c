package html

import (
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// overviewRow is a run in the table of runs.
type overviewRow struct {
	// Cells names the cells under test. Volume describes the volume of a run with one such cell.
	Cells, Volume                                      string
	When, Engine, Acknowledged, Lost, Deletions, Level string
}

func newOverviewRow(r result.Result) overviewRow {
	o := overviewRow{
		Cells: testedNames(r), When: dash, Acknowledged: dash, Lost: dash, Deletions: dash, Level: dash,
	}
	if tested := r.Tested(); len(tested) == 1 {
		o.Volume = tested[0].VolumeName()
	}
	if when := formatTime(r.StartedAt); when != "" {
		o.When = when + " UTC"
	}
	if level, found := lowestLevel(r); found {
		o.Level = level.String()
	}
	if r.Engine != nil {
		o.Engine = r.Engine.Name
	}
	cells, acknowledged, deletions := total(r)
	if cells > 0 {
		o.Acknowledged, o.Deletions = grouped(acknowledged), grouped(deletions)
	}
	if r.Verdict == judge.Pass || r.Verdict == judge.Fail {
		o.Lost = grouped(lostRecords(r))
	}
	return o
}

// testedNames lists the cells under test.
func testedNames(r result.Result) string {
	var names []string
	for _, c := range r.Tested() {
		names = append(names, c.DisplayName())
	}
	if len(names) == 0 {
		return "nothing"
	}
	return listNames(names)
}

// lostRecords adds up the records that the cells under test lost.
func lostRecords(r result.Result) (records uint64) {
	for _, c := range r.Tested() {
		records += c.Lost()
	}
	return records
}

// verdictCounts counts the runs by verdict, in the order of their first run.
func verdictCounts(runs []runView) string {
	count := map[string]int{}
	var words []string
	for _, r := range runs {
		if count[r.Verdict.Word] == 0 {
			words = append(words, r.Verdict.Word)
		}
		count[r.Verdict.Word]++
	}
	var counts []string
	for _, word := range words {
		counts = append(counts, grouped(count[word])+space+word)
	}
	return counted(len(runs), "run") + ": " + strings.Join(counts, ", ")
}

func runIDs(results []result.Result) []string {
	var all []string
	for _, r := range results {
		all = append(all, r.RunID)
	}
	return all
}
