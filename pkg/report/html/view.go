package html

import (
	"fmt"
	"html/template"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// pageView is everything that the page says, ready to be laid out.
type pageView struct {
	Style    template.CSS
	Policy   string
	Patterns template.HTML
	Title    string
	// Headline is that of several runs; one run has its own.
	Headline string
	Runs     []runView
}

// Several says that there are runs to be told apart.
func (p pageView) Several() bool { return len(p.Runs) > 1 }

// runView is what the page says of one run.
type runView struct {
	// Name tells the run from the others on the page; it is empty where there is none.
	// Anchor is what leads to it then, Prefix that with which all other names in it
	// begin, and Level that of its heading.
	Name, Anchor, Prefix string
	Level                heading
	Run                  string
	Verdict              badge
	Headline             string
	Reason               string
	Stake                string
	Facts                []fact
	Overview             overview
	Comparing            []figure
	Cells                []cellView
	// Rows are the matrix; Several says that there is something to compare.
	Rows       []row
	Several    bool
	NotRemoved string
	About      []table
}

// heading is the level of a heading, 1 for the page's title.
type heading int

// under is the level of the headings below another one.
func under(h heading) heading { return h + 1 }

// fact is a name and its value. Code says that it is a name that a machine gave.
type fact struct {
	Name, Value string
	Code        bool
}

// badge is a verdict as it looks: by a word, a sign and a colour.
type badge struct {
	Word string
	Kind string
}

var kinds = map[judge.Verdict]string{
	judge.Pass: "pass", judge.Fail: "fail", judge.Error: "error", judge.Stopped: "stopped", judge.NotApplicable: "none", judge.Skipped: "none",
}

func badgeOf(v judge.Verdict) badge {
	kind := kinds[v]
	if kind == "" {
		kind = "error"
	}
	word := string(v)
	if word == "" {
		word = "no verdict"
	}
	return badge{word, kind}
}

// badgeOfCell is that of a cell. The control's means the opposite of the others'.
func badgeOfCell(c result.Cell) badge {
	b := badgeOf(c.Verdict)
	switch {
	case c.Plan.Control && c.LostAllData():
		return badge{b.Word + ", as it must", "none"}
	case c.Plan.Control && c.Verdict == judge.Fail:
		return badge{b.Word + ", but not as it must", "error"}
	case c.Plan.Control && c.Verdict == judge.Pass:
		return badge{b.Word + ", as it must not", "error"}
	}
	return b
}

// table is rows under a head. Numbers are the columns, from 0, that are aligned as numbers.
type table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Numeric map[int]bool
}

// figure is a picture, what its signs mean, and the same in numbers.
type figure struct {
	Caption string
	Picture template.HTML
	Legend  []sign
	Data    table
	Note    string
}

// sign is an entry of a legend.
type sign struct{ Class, Text string }

func pageOf(results []result.Result) pageView {
	p := pageView{Style: template.CSS(style), Policy: policy(), Patterns: chart.Patterns}
	if len(results) == 1 {
		p.Runs = []runView{runOf(results[0], 0)}
		p.Title = p.Runs[0].Verdict.Word + ": volume-durability, run " + results[0].RunID
		return p
	}
	for i, r := range results {
		p.Runs = append(p.Runs, runOf(r, i+1))
	}
	p.Headline = verdicts(p.Runs)
	p.Title = p.Headline + ": volume-durability"
	return p
}

// runOf is a run, by its number among several; 0 where it is alone.
func runOf(r result.Result, number int) runView {
	v := runView{
		Level: 1, Run: r.RunID,
		Verdict: badgeOf(r.Verdict), Headline: headline(r), Reason: r.Reason, Stake: stake(r), Facts: facts(r), Overview: overviewOf(r),
		Several: len(r.Cells) > 1, NotRemoved: r.NotRemoved, About: about(r), Comparing: compared(r.Cells),
	}
	if number > 0 {
		v.Name, v.Anchor, v.Level = fmt.Sprintf("Run %d", number), fmt.Sprintf("run-%d", number), 2
		v.Prefix = v.Anchor + "-"
	}
	for i, c := range r.Cells {
		cell := cellOf(r, c, cellPlace{fmt.Sprintf("%scell-%d", v.Prefix, i+1), under(v.Level)})
		v.Cells = append(v.Cells, cell)
		v.Rows = append(v.Rows, rowOf(c, cell))
	}
	return v
}
