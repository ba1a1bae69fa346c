package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/detection/baseline"
	"github.com/volume-durability/volume-durability/tests/detection/expect"
)

// row is what was found in one scenario.
type row struct {
	scenario
	// experiment is the outcome on the cluster, local that of "volume-durability local".
	experiment, local outcome
	answers           baseline.Answers
	// failed is why the scenario could not be run.
	failed error
}

// outcome compares the findings of one run with the expected ones.
type outcome struct {
	want, found []expect.Finding
	verdict     judge.Verdict
	reason      string
	// correct is whether the run reported exactly what was expected.
	correct bool
	// unacknowledged describes damage to data that was never acknowledged.
	unacknowledged string
}

func (r row) mark() string {
	if r.experiment.correct && r.local.correct {
		return "correct"
	}
	return "WRONG"
}

// show prints the table and writes it to a file. It returns an error that lists the
// wrong entries of the columns of volume-durability.
func show(rows []row, took time.Duration, file string) error {
	text := table(rows) + "\n" + summary(rows)
	fmt.Print(text)
	fmt.Printf("\n%d faults in %s\n", len(rows), took.Round(time.Second))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	var wrong []string
	for _, r := range rows {
		switch {
		case r.failed != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", r.name, r.failed))
		case !r.experiment.correct:
			wrong = append(wrong, r.mistake("on the cluster", r.experiment))
		case !r.local.correct:
			wrong = append(wrong, r.mistake("local", r.local))
		}
	}
	if wrong != nil {
		return fmt.Errorf("%d of %d faults have a wrong entry:\n%s", len(wrong), len(rows), strings.Join(wrong, "\n"))
	}
	return nil
}

// mistake describes a wrong outcome.
func (r row) mistake(where string, o outcome) string {
	return fmt.Sprintf("%s, %s: want %s, %s; got %s, %s (%s)",
		r.name, where, r.verdict, describe(o.want), o.verdict, describe(o.found), o.reason)
}

func table(rows []row) string {
	var b strings.Builder
	line := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(append([]string{"fault", "expected finding", "volume-durability", "`local`"}, baseline.Methods[:]...)...)
	b.WriteString(strings.Repeat("|---", 4+len(baseline.Methods)) + "|\n")
	for _, r := range rows {
		expected := describe(r.experiment.want) + r.experiment.unacknowledged
		if r.classOnly {
			expected += " (class only)"
		}
		cells := []string{r.name, expected, r.entry(r.experiment), r.entry(r.local)}
		for _, a := range r.answers {
			cells = append(cells, r.baselineCell(a))
		}
		line(cells...)
	}
	return b.String()
}

// summary counts the detected faults and the false alarms of each method.
func summary(rows []row) string {
	harmful, identified, identifiedLocally := 0, 0, 0
	var found, alarms [len(baseline.Methods)]int
	for _, r := range rows {
		if r.harmful() {
			harmful++
		}
		if r.harmful() && r.experiment.correct {
			identified++
		}
		if r.harmful() && r.local.correct {
			identifiedLocally++
		}
		for i, a := range r.answers {
			switch r.baselineCell(a) {
			case detected:
				found[i]++
			case falseAlarm:
				alarms[i]++
			}
		}
	}
	s := fmt.Sprintf("volume-durability correctly reported %d of %d harmful faults. `local` correctly reported %d of "+
		"%d.\n", identified, harmful, identifiedLocally, harmful)
	for i, method := range baseline.Methods {
		s += fmt.Sprintf("%s: %d detected, %d false alarms.\n", method, found[i], alarms[i])
	}
	return s
}

// entry is the entry of a run in the table: its verdict, and its findings if they are wrong.
func (r row) entry(o outcome) string {
	switch {
	case r.failed != nil:
		return "**not run**"
	case o.correct:
		return string(o.verdict) + ", correct"
	}
	return fmt.Sprintf("%s, **wrong**: %s", o.verdict, describe(o.found))
}

// harmful reports whether the fault harms acknowledged data or the use of the volume.
func (r row) harmful() bool { return r.verdict == judge.Fail }

// The cells of the baseline methods, besides those without an answer.
const (
	detected   = "detected"
	missed     = "missed"
	falseAlarm = "false alarm"
	correct    = "correct"
)

// baselineCell rates the answer of a baseline method: it must report damage if the
// fault is harmful, and only then.
func (r row) baselineCell(a baseline.Answer) string {
	switch {
	case r.failed != nil:
		return string(baseline.NotRun)
	case a == baseline.NoAnswer || a == baseline.NotRun:
		return string(a)
	case r.harmful() && a == baseline.Damaged:
		return detected
	case r.harmful():
		return missed
	case a == baseline.Damaged:
		return falseAlarm
	default:
		return correct
	}
}

// describe lists findings: class, epoch and sequence numbers.
func describe(all []expect.Finding) string {
	if len(all) == 0 {
		return "no finding"
	}
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = string(f.Class)
		switch {
		case f.First == 0:
		case f.First == f.Last:
			words[i] += fmt.Sprintf(" %d:%d", f.Epoch, f.First)
		default:
			words[i] += fmt.Sprintf(" %d:%d–%d", f.Epoch, f.First, f.Last)
		}
	}
	return strings.Join(words, ", ")
}
