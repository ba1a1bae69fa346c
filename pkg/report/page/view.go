package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/custody"
	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
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

// headline is the verdict in one sentence.
func headline(r evidence.Result) string {
	switch r.Verdict {
	case judge.Pass:
		return passed(r)
	case judge.Fail:
		return failed(r)
	case judge.Stopped:
		return "The run was stopped before anything could be said of the storage."
	case judge.NotApplicable:
		return "The check does not apply to this cluster."
	default:
		return "Whether the storage keeps what it promised could not be established."
	}
}

func passed(r evidence.Result) string {
	tried, kept, deletions := tally(r)
	if tried == 1 {
		return fmt.Sprintf("All %s were still there after %s, in order, once and intact.", counted(kept, "acknowledged record"), counted(deletions, "deletion"))
	}
	return fmt.Sprintf("All %s of %s were still there after %s, in order, once and intact.",
		counted(kept, "acknowledged record"), counted(tried, "cell"), counted(deletions, "deletion"))
}

func failed(r evidence.Result) string {
	var names []string
	var lost, of uint64
	cells := 0
	for _, c := range r.Cells {
		if c.Plan.Control {
			continue
		}
		cells++
		if c.Verdict == judge.Fail {
			names = append(names, nameOf(c))
			lost, of = lost+lostOf(c), of+ledger.Records(c.Promises)
		}
	}
	switch {
	case len(names) == 0:
		return "The run failed."
	case lost == 0:
		return "The storage did not keep what it promised."
	case cells == 1:
		return fmt.Sprintf("%s of %s did not survive.", grouped(lost), counted(of, "acknowledged record"))
	default:
		return fmt.Sprintf("%d of %d cells lost acknowledged records: %s.", len(names), cells, strings.Join(names, ", "))
	}
}

// tally counts what was tried and judged, without the control.
func tally(r evidence.Result) (cells int, acknowledged uint64, deletions int) {
	for _, c := range r.Cells {
		if c.Plan.Control || len(c.Promises) == 0 {
			continue
		}
		cells++
		acknowledged += ledger.Records(c.Promises)
		deletions += c.Deletions()
	}
	return cells, acknowledged, deletions
}

// stake says what could have been lost.
func stake(r evidence.Result) string {
	cells, acknowledged, deletions := tally(r)
	if acknowledged == 0 {
		return "Nothing was at stake: no record had been acknowledged."
	}
	on := "on " + counted(cells, "volume")
	if cells == 1 {
		on = "on one volume"
	}
	return fmt.Sprintf("At stake were %s %s: their writer had been told, after a sync, that they are safe. Its pod was then deleted, %s in all.",
		counted(acknowledged, "record"), on, times(deletions))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return counted(n, "time")
}

func facts(r evidence.Result) []fact {
	when := moment(r.Began)
	if took := r.Ended.Sub(r.Began); !r.Ended.IsZero() && took > 0 {
		end := moment(r.Ended)
		if r.Began.UTC().Format(time.DateOnly) == r.Ended.UTC().Format(time.DateOnly) {
			end = r.Ended.UTC().Format(time.TimeOnly)
		}
		when += " to " + end + " UTC (" + lasting(took) + ")"
	}
	return filled([]fact{
		{"When", when, false},
		{"Where", where(r), false},
		{"Namespace", r.Settings.Namespace, true},
		{"Evidence", weakest(r), false},
		{"Run", r.Run, true},
	})
}

// weakest is what can be said of all that passed.
func weakest(r evidence.Result) string {
	level, any := custody.OtherMachine, false
	for _, c := range r.Cells {
		if c.Verdict == judge.Pass && !c.Plan.Control {
			level, any = min(level, c.Custody.Level), true
		}
	}
	if !any {
		return ""
	}
	s := level.String() + ": " + levels[level]
	if len(r.Cells) > 1 {
		s = "of all that passed at least " + s
	}
	return s
}

func where(r evidence.Result) string {
	var parts []string
	if r.Cluster.Version != "" {
		parts = append(parts, "Kubernetes "+r.Cluster.Version)
	}
	if r.Cluster.Server != "" {
		parts = append(parts, r.Cluster.Server)
	}
	if r.Cluster.UID != "" {
		parts = append(parts, "cluster "+string(r.Cluster.UID))
	}
	return strings.Join(parts, ", ")
}

// filled leaves out what has no value.
func filled(all []fact) []fact {
	var some []fact
	for _, f := range all {
		if f.Value != "" {
			some = append(some, f)
		}
	}
	return some
}

// nameOf is what a cell is called.
func nameOf(c evidence.Cell) string {
	switch {
	case c.Plan.Name != "":
		return c.Plan.Name
	case c.Claim != nil && c.Claim.StorageClass != "":
		return c.Claim.Name + " (" + c.Claim.StorageClass + ")"
	case c.Claim != nil:
		return c.Claim.Name
	default:
		return string(c.Plan.VolumeSource)
	}
}

// lostOf counts the acknowledged records that are not there, or not intact.
func lostOf(c evidence.Cell) uint64 {
	var lost uint64
	for _, f := range c.Findings {
		if f.Class != judge.Reordered && f.Class != judge.Duplicated {
			lost += f.Records
		}
	}
	return min(lost, ledger.Records(c.Promises))
}

// row is a cell in the matrix.
type row struct {
	Anchor, Name                                      string
	Verdict                                           badge
	Control                                           string // what is to be known of the control
	Reason                                            string // why there is no answer
	Level                                             string
	Acknowledged, Lost, Recovery, P50, P99, Max, Rate string
}

func rowOf(c evidence.Cell, v cellView) row {
	w := row{
		Anchor: v.Anchor, Name: v.Name, Verdict: v.Verdict, Control: v.Control, Level: c.Custody.Level.String(),
		Acknowledged: unknown, Lost: unknown, Recovery: lasting(c.SlowestRecovery()), P50: unknown, P99: unknown, Max: unknown, Rate: unknown,
	}
	if c.Verdict != judge.Pass && c.Verdict != judge.Fail {
		w.Reason = v.Reason
	}
	if acknowledged := ledger.Records(c.Promises); acknowledged > 0 {
		w.Acknowledged = grouped(acknowledged)
	}
	if c.Verdict == judge.Pass || c.Verdict == judge.Fail {
		w.Lost = grouped(lostOf(c))
	}
	if c.Latency != nil {
		w.P50, w.P99, w.Max = lasting(c.Latency.P50), lasting(c.Latency.P99), lasting(c.Latency.Max)
	}
	if rate := c.Rate(); rate > 0 {
		w.Rate = groupedFloat(rate)
	}
	return w
}

// control says what the negative control came to.
func control(c evidence.Cell) string {
	switch {
	case !c.Plan.Control:
		return ""
	case c.Verdict == judge.Fail:
		return "Negative control: storage that forgets. It lost its data, as it must: this run can see a loss."
	case c.Verdict == judge.Pass:
		return "Negative control: storage that forgets. It should have lost its data and was not seen to: nothing else here can be relied on."
	default:
		return "Negative control: storage that forgets. It must lose its data."
	}
}

func planned(c evidence.Cell) []fact {
	source := "emptyDir"
	class := ""
	if c.Plan.VolumeSource == inputs.Claim {
		source = "claim"
		class = c.Plan.StorageClass
		if class == "" {
			class = "the cluster's default"
		}
	}
	all := []fact{}
	if c.Claim != nil {
		if c.Claim.StorageClass != "" {
			class = c.Claim.StorageClass
		}
		source = "claim " + c.Claim.Name
		if !c.Claim.Made {
			source += ", which was there before"
		}
	}
	modes := string(c.Plan.AccessMode)
	if c.Plan.VolumeMode != "" {
		modes = strings.TrimPrefix(modes+", "+string(c.Plan.VolumeMode), ", ")
	}
	all = append(all, fact{"Volume", source, false}, fact{"StorageClass", class, false})
	if c.Claim != nil {
		all = append(all, fact{"Provisioner", c.Claim.Provisioner, true}, fact{"Volume's name", c.Claim.Volume, true}, fact{"Driver's handle", c.Claim.Handle, true}, fact{"Claim's UID", string(c.Claim.UID), true})
	}
	return filled(append(all, fact{"Modes", modes, false}, fact{"Deletion", deletionOf(c.Plan), false}, fact{"Reader", readerOf(c), false}, fact{"Journal", c.File, true}))
}

func deletionOf(p inputs.Cell) string {
	if p.Force {
		return "by force, with a grace period of 0"
	}
	return "graceful"
}

func readerOf(c evidence.Cell) string {
	asked := map[inputs.ReaderNode]string{inputs.AnyNode: "any node", inputs.SameNode: "the writer's node", inputs.OtherNode: "another node"}[c.Plan.ReaderNode]
	if asked == "" {
		asked = string(c.Plan.ReaderNode)
	}
	if c.Reader == nil || c.Reader.Node == "" {
		return "on " + asked
	}
	return "asked for " + asked + ", ran on " + c.Reader.Node
}
