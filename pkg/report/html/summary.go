package html

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// headline is the verdict in one sentence.
func headline(r result.Result) string {
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

func passed(r result.Result) string {
	tried, kept, deletions := tally(r)
	if tried == 1 {
		return fmt.Sprintf("All %s were still there after %s, in order, once and intact.", counted(kept, "acknowledged record"), counted(deletions, "deletion"))
	}
	return fmt.Sprintf("All %s of %s were still there after %s, in order, once and intact.",
		counted(kept, "acknowledged record"), counted(tried, "cell"), counted(deletions, "deletion"))
}

func failed(r result.Result) string {
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
			lost, of = lost+c.Lost(), of+ledger.Count(c.Acks)
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
		return fmt.Sprintf("%d of %d cells lost acknowledged records: %s.", len(names), cells, some(names))
	}
}

// some names the first of many.
func some(names []string) string {
	const most = 3
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + grouped(len(names)-most) + " more"
}

// tally counts what was tried and judged, without the control.
func tally(r result.Result) (cells int, acknowledged uint64, deletions int) {
	for _, c := range r.Cells {
		if c.Plan.Control || len(c.Acks) == 0 {
			continue
		}
		cells++
		acknowledged += ledger.Count(c.Acks)
		deletions += c.Deletions()
	}
	return cells, acknowledged, deletions
}

// stake says what could have been lost.
func stake(r result.Result) string {
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

func facts(r result.Result) []fact {
	when := moment(r.Started)
	if took := r.Ended.Sub(r.Started); !r.Ended.IsZero() && took > 0 {
		end := moment(r.Ended)
		if r.Started.UTC().Format(time.DateOnly) == r.Ended.UTC().Format(time.DateOnly) {
			end = r.Ended.UTC().Format(time.TimeOnly)
		}
		when += " to " + end + " UTC (" + lasting(took) + ")"
	}
	return filled([]fact{
		{"When", when, false},
		{"Where", where(r), false},
		{"Namespace", r.Options.Namespace, true},
		{"Evidence", evidenceOn(r), false},
		{"Run", r.RunID, true},
	})
}

// weakest is the level of evidence that all reach that passed, where the run came to
// a verdict on the storage and any did.
func weakest(r result.Result) (level provenance.Level, any bool) {
	if r.Verdict != judge.Pass && r.Verdict != judge.Fail {
		return provenance.None, false
	}
	level = provenance.OtherMachine
	for _, c := range r.Cells {
		if c.Verdict == judge.Pass && !c.Plan.Control {
			level, any = min(level, c.Provenance.Level), true
		}
	}
	return level, any
}

// evidenceOn is what can be said of all that passed.
func evidenceOn(r result.Result) string {
	level, any := weakest(r)
	if !any {
		return ""
	}
	s := level.String() + ": " + levels[level]
	if underTest(r) > 1 {
		s = "of all that passed at least " + s
	}
	return s
}

func where(r result.Result) string {
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
