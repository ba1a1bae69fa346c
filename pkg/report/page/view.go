package page

import (
	"html/template"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
)

// view is everything that the page says, ready to be laid out.
type view struct {
	Style     template.CSS
	Policy    string
	Patterns  template.HTML
	Run       string
	Schema    string
	Title     string
	Verdict   badge
	Headline  string
	Reason    string
	Stake     string
	Facts     []fact
	Comparing []figure
	Cells     []cellView
	// Rows are the matrix; Several says that there is something to compare.
	Rows       []row
	Several    bool
	LeftBehind string
	About      []table
}

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
func badgeOfCell(c evidence.Cell) badge {
	b := badgeOf(c.Verdict)
	switch {
	case c.Plan.Control && c.Verdict == judge.Fail:
		return badge{b.Word + ", as it must", "none"}
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

func viewOf(r evidence.Result) view {
	v := view{
		Style: template.CSS(style), Policy: policy(), Patterns: chart.Patterns, Run: r.Run, Schema: r.Schema,
		Verdict: badgeOf(r.Verdict), Headline: headline(r), Reason: r.Reason, Stake: stake(r), Facts: facts(r),
		Several: len(r.Cells) > 1, LeftBehind: r.LeftBehind, About: about(r), Comparing: compared(r.Cells),
	}
	v.Title = v.Verdict.Word + ": volume-durability, run " + r.Run
	for i, c := range r.Cells {
		cell := cellOf(r, c, i, len(r.Cells) == 1)
		v.Cells = append(v.Cells, cell)
		v.Rows = append(v.Rows, rowOf(c, cell))
	}
	return v
}
