package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// WriteResult writes a result in the chosen format.
func (f *FormatFlag) WriteResult(out io.Writer, r result.Result) error {
	if f.Value == FormatJUnit {
		content, err := junit.Render(r)
		if err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	}
	return f.Write(out, r, func() (string, error) {
		if f.Value == FormatTable {
			return r.Table(), nil
		}
		return summary(r), nil
	})
}

// summary renders a result as text for a terminal.
func summary(r result.Result) string {
	var s strings.Builder
	if r.IsOnlyTooSlow() {
		s.WriteString("Fail: a threshold was not met. Every acknowledged record was read back intact.\n")
	} else {
		s.WriteString(Headline(r.Verdict) + "\n")
	}
	tested := r.Tested()
	if len(tested) < 2 {
		fmt.Fprintf(&s, "  %s\n", r.Reason)
	}
	if len(r.Cells) > 0 {
		fmt.Fprintf(&s, "\n%s", indented(r.Table()))
	}
	switch {
	case len(tested) == 1:
		s.WriteString(Details(tested[0]))
	case len(tested) > 1:
		s.WriteString(reasons(r.Cells))
	}
	if r.NotRemoved != "" {
		fmt.Fprintf(&s, "\nNot removed: %s\n", r.NotRemoved)
	}
	return s.String()
}

// reasons lists the reasons for the verdicts of all cells except those with the expected
// verdict: a tested cell with a Pass, or a control that lost its data.
func reasons(cells []result.Cell) string {
	var s strings.Builder
	for _, c := range cells {
		if c.Spec.Control && c.LostAllData() || !c.Spec.Control && c.Verdict == judge.Pass {
			continue
		}
		fmt.Fprintf(&s, "\n%s: %s\n  %s\n", c.DisplayName(), progress.VerdictLabel(c), c.Reason)
	}
	return s.String()
}

// Headline explains a verdict in one line.
func Headline(v judge.Verdict) string {
	switch v {
	case judge.Pass:
		return "Pass: every acknowledged record was read back intact."
	case judge.Fail:
		return "Fail: not every acknowledged record could be read back intact."
	case judge.Stopped:
		return "Stopped: the run was stopped before the journal could be verified."
	case judge.NotApplicable:
		return "N/A: the check does not apply to this cluster; nothing was tested."
	}
	return string(v) + ": whether acknowledged records were lost could not be determined."
}

// Details renders the parts of a cell for which its table has no column.
func Details(c result.Cell) string {
	var s strings.Builder
	list := func(heading string, items []string) {
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&s, "\n%s\n", heading)
		for _, item := range items {
			fmt.Fprintf(&s, "  - %s\n", item)
		}
	}
	var findings []string
	for _, f := range c.Findings {
		findings = append(findings, describeFinding(f))
	}
	list("Findings", findings)
	list("Notes", c.Notes)
	list("Not proven by this run", c.NotShown)
	return s.String()
}

// describeFinding describes a finding and its position in the journal.
func describeFinding(f judge.Finding) string {
	switch {
	case f.End > f.Offset:
		return fmt.Sprintf("%s; bytes %s to %s", f, judge.FormatCount(f.Offset), judge.FormatCount(f.End-1))
	case f.Offset > 0:
		return fmt.Sprintf("%s; at byte %s", f, judge.FormatCount(f.Offset))
	}
	return f.String()
}

func indented(text string) string {
	var s strings.Builder
	for line := range strings.Lines(text) {
		s.WriteString("  " + strings.TrimRight(line, " \n") + "\n")
	}
	return s.String()
}
