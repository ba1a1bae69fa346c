package html

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// headline returns the verdict in one sentence.
func headline(r result.Result) string {
	switch r.Verdict {
	case judge.Pass:
		return passHeadline(r)
	case judge.Fail:
		return failHeadline(r)
	case judge.Stopped:
		return "The run was stopped before the storage could be judged."
	case judge.NotApplicable:
		return "The check does not apply to this cluster."
	default:
		return "The run ended without a Pass or a Fail."
	}
}

func passHeadline(r result.Result) string {
	cells, acknowledged, deletions := total(r)
	after := intactWords(r) + " after " + counted(deletions, deletionNoun(r)) + "."
	if acknowledged == 1 {
		return "The only acknowledged record was" + after
	}
	records := counted(acknowledged, "acknowledged record")
	if cells > 1 {
		records += " of " + counted(cells, "cell")
	}
	return "All " + records + " were" + after
}

// intactWords describe the acknowledged records of a run that passed.
func intactWords(r result.Result) string {
	has := func(is func(pattern.Name) bool) bool {
		return slices.ContainsFunc(r.Cells, func(c result.Cell) bool { return is(c.Layout.Pattern) })
	}
	switch {
	case has(pattern.Name.SomeOperationsRemove):
		return " intact, or replaced or removed by later operations,"
	case has(pattern.Name.SharesObjects):
		return " intact, or replaced by later ones,"
	case has(pattern.Name.HasObjects):
		return " intact"
	}
	return " intact and in order"
}

// deletionNoun returns the noun for one deletion in a run.
func deletionNoun(r result.Result) string {
	if r.Options.VolumeSource == options.Local {
		return "kill"
	}
	return "deletion"
}

func failHeadline(r result.Result) string {
	var failed []result.Cell
	for _, c := range r.Tested() {
		if c.Verdict == judge.Fail {
			failed = append(failed, c)
		}
	}
	switch {
	case len(failed) == 0:
		return "The run failed."
	case len(r.Tested()) == 1:
		return lossHeadline(failed[0])
	default:
		return countsHeadline(failed, len(r.Tested()))
	}
}

// lossHeadline is the headline of a run whose only cell failed.
func lossHeadline(c result.Cell) string {
	lost := c.Lost()
	count := grouped(lost) + " of " + counted(ledger.CountRecords(c.Acks), "acknowledged record")
	switch {
	case c.IsOnlyTooSlow():
		return "No acknowledged record was lost, but a threshold was not met."
	case isUnusable(c) && lost == 0:
		return "The volume could no longer be used."
	case isUnusable(c):
		return "The volume could not be read completely: " + count + " could not be read."
	case lost == 0:
		if c.Layout.Pattern.HasObjects() {
			return "No acknowledged record was lost, but the objects have other damage."
		}
		return "No acknowledged record was lost, but the journal has other damage."
	default:
		return count + " " + judge.WasOrWere(lost) + " lost."
	}
}

// isUnusable reports whether a cell failed only because its volume could not be used.
func isUnusable(c result.Cell) bool {
	usable := func(f judge.Finding) bool { return f.Class != judge.Unavailable && f.Class != judge.ReadOnly }
	return len(c.Findings) > 0 && !slices.ContainsFunc(c.Findings, usable)
}

// countsHeadline is the headline of a run in which some of several cells failed.
func countsHeadline(failed []result.Cell, cells int) string {
	var lost, others []string
	for _, c := range failed {
		if c.Lost() > 0 {
			lost = append(lost, c.DisplayName())
		} else {
			others = append(others, c.DisplayName())
		}
	}
	if len(lost) == 0 {
		return fmt.Sprintf("%s of %s failed: %s.", grouped(len(others)), counted(cells, "cell"), listNames(others))
	}
	s := fmt.Sprintf("%s of %s lost acknowledged records: %s.",
		grouped(len(lost)), counted(cells, "cell"), listNames(lost))
	if len(others) > 0 {
		s += fmt.Sprintf(" %s failed: %s.", counted(len(others), "other cell"), listNames(others))
	}
	return s
}

// listNames lists the first few names and counts the others.
func listNames(names []string) string {
	const most = 3
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + grouped(len(names)-most) + " more"
}

// total adds up the cells under test that have acknowledged records.
func total(r result.Result) (cells int, acknowledged uint64, deletions int) {
	for _, c := range r.Tested() {
		if len(c.Acks) == 0 {
			continue
		}
		cells++
		acknowledged += ledger.CountRecords(c.Acks)
		deletions += c.Deletions()
	}
	return cells, acknowledged, deletions
}

// scope describes how much was tested.
func scope(r result.Result) string {
	cells, acknowledged, deletions := total(r)
	if acknowledged == 0 {
		return "No record was acknowledged, so nothing was tested."
	}
	records := counted(acknowledged, "acknowledged record")
	if r.Options.VolumeSource == options.Local {
		return fmt.Sprintf("%s %s written. %s %s killed.", records, judge.WasOrWere(acknowledged),
			counted(deletions, "writer"), judge.WasOrWere(deletions))
	}
	return fmt.Sprintf("%s %s written to %s. %s %s deleted.", records, judge.WasOrWere(acknowledged),
		counted(cells, "volume"), counted(deletions, "writer"), judge.WasOrWere(deletions))
}

func runFacts(r result.Result) []fact {
	when := formatTime(r.StartedAt)
	if took := r.EndedAt.Sub(r.StartedAt); !r.EndedAt.IsZero() && took > 0 {
		end := formatTime(r.EndedAt)
		if r.StartedAt.UTC().Format(time.DateOnly) == r.EndedAt.UTC().Format(time.DateOnly) {
			end = r.EndedAt.UTC().Format(time.TimeOnly)
		}
		when += " to " + end + " UTC (" + formatDuration(took) + ")"
	}
	return withValues([]fact{
		{"When", when, false},
		{"Where", where(r), false},
		{"Cluster", string(r.Cluster.UID), true},
		{"Namespace", r.Options.Namespace, true},
		{"Evidence level", evidenceLevel(r), false},
		{"Run", r.RunID, true},
	})
}

// lowestLevel returns the lowest evidence level of the cells that passed; false if there is none or the run has no
// verdict on the storage.
func lowestLevel(r result.Result) (level provenance.Level, found bool) {
	if r.Verdict != judge.Pass && r.Verdict != judge.Fail {
		return provenance.None, false
	}
	level = provenance.OtherMachine
	for _, c := range r.Tested() {
		if c.Verdict == judge.Pass {
			level, found = min(level, c.Provenance.Level), true
		}
	}
	return level, found
}

// evidenceLevel describes the lowest evidence level of the cells that passed.
func evidenceLevel(r result.Result) string {
	level, found := lowestLevel(r)
	if !found {
		return ""
	}
	s := level.String()
	if len(r.Tested()) > 1 {
		s = "at least " + s + " in each cell that passed"
	}
	return s + ": " + level.Description()
}

func where(r result.Result) string {
	var parts []string
	if r.Cluster.Version != "" {
		parts = append(parts, "Kubernetes "+r.Cluster.Version)
	}
	if r.Cluster.Server != "" {
		parts = append(parts, r.Cluster.Server)
	}
	return strings.Join(parts, ", ")
}

// withValues returns the facts that have a value.
func withValues(all []fact) []fact {
	var some []fact
	for _, f := range all {
		if f.Value != "" {
			some = append(some, f)
		}
	}
	return some
}
