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

// row is what came of a scenario.
type row struct {
	scenario
	want, found []expect.Finding
	verdict     judge.Verdict
	reason      string
	today       baseline.Answers
	right       bool
	// unpromised says how much was damaged that nobody had been promised.
	unpromised string
	// failed is why the scenario could not be tried.
	failed error
}

func (r row) mark() string {
	if r.right {
		return "right"
	}
	return "WRONG"
}

// show prints the table and writes it to a file. The error says which cells of the
// experiment's own column are wrong.
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
		case !r.right:
			wrong = append(wrong, fmt.Sprintf("%s: want %s, %s; got %s, %s (%s)", r.name, r.scenario.verdict, named(r.want), r.verdict, named(r.found), r.reason))
		}
	}
	if wrong != nil {
		return fmt.Errorf("%d of %d cells are wrong:\n%s", len(wrong), len(rows), strings.Join(wrong, "\n"))
	}
	return nil
}

func table(rows []row) string {
	var b strings.Builder
	line := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(append([]string{"fault", "what it is", "volume-durability"}, baseline.Ways[:]...)...)
	b.WriteString(strings.Repeat("|---", 3+len(baseline.Ways)) + "|\n")
	for _, r := range rows {
		cells := []string{r.name, named(r.want) + r.unpromised, r.ours()}
		for _, a := range r.today {
			cells = append(cells, r.theirs(a))
		}
		line(cells...)
	}
	return b.String()
}

// summary counts who noticed the harm, and who cried wolf.
func summary(rows []row) string {
	harmful, ours := 0, 0
	var noticed, alarms [len(baseline.Ways)]int
	for _, r := range rows {
		if r.harmful() {
			harmful++
		}
		if r.harmful() && r.right {
			ours++
		}
		for i, a := range r.today {
			switch r.theirs(a) {
			case noticedIt:
				noticed[i]++
			case falseAlarm:
				alarms[i]++
			}
		}
	}
	s := fmt.Sprintf("Of %d faults that do harm, volume-durability names %d rightly, with the records concerned.\n", harmful, ours)
	for i, way := range baseline.Ways {
		s += fmt.Sprintf("%s: %d noticed, %d false alarms.\n", way, noticed[i], alarms[i])
	}
	return s
}

// ours is what the experiment found, where it is not just what it should have.
func (r row) ours() string {
	switch {
	case r.failed != nil:
		return "**not tried**"
	case r.right:
		return string(r.verdict) + ", right"
	}
	return fmt.Sprintf("%s, **wrong**: %s", r.verdict, named(r.found))
}

// harmful says whether the fault harms acknowledged data, or the volume's use.
func (r row) harmful() bool { return r.scenario.verdict == judge.Fail }

// What somebody's answer is worth.
const (
	noticedIt  = "noticed"
	missed     = "missed"
	falseAlarm = "false alarm"
	right      = "right"
)

// theirs says whether somebody's answer was right: that something is wrong where
// there is harm, and only there.
func (r row) theirs(a baseline.Answer) string {
	switch {
	case r.failed != nil:
		return string(baseline.NotRun)
	case a == baseline.NoAnswer || a == baseline.NotRun:
		return string(a)
	case r.harmful() && a == baseline.Found:
		return noticedIt
	case r.harmful():
		return missed
	case a == baseline.Found:
		return falseAlarm
	default:
		return right
	}
}

// named names findings: class, epoch and sequence numbers.
func named(all []expect.Finding) string {
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
