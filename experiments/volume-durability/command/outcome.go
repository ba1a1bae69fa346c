package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// codeFor is the code that a verdict ends the program with.
func codeFor(verdict judge.Verdict) int {
	switch verdict {
	case judge.Pass:
		return Kept
	case judge.Fail:
		return Lost
	case judge.Stopped:
		return Interrupted
	default:
		return Unknown
	}
}

// show writes a result in the form that was asked for.
func (f *formatFlag) show(out io.Writer, r result.Result) error {
	if f.value == formatJUnit {
		content, err := junit.Render(r)
		if err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	}
	return f.write(out, r, func() (string, error) {
		if f.value == formatTable {
			return r.Table(), nil
		}
		return summary(r), nil
	})
}

// summary is a result as a person reads it on a terminal.
func summary(r result.Result) string {
	var s strings.Builder
	s.WriteString(headline(r.Verdict) + "\n")
	tried := slices.DeleteFunc(slices.Clone(r.Cells), func(c result.Cell) bool { return c.Plan.Control })
	if len(tried) < 2 {
		fmt.Fprintf(&s, "  %s\n", r.Reason)
	}
	if len(r.Cells) > 0 {
		fmt.Fprintf(&s, "\n%s", indented(r.Table()))
	}
	switch {
	case len(tried) == 1:
		s.WriteString(details(tried[0]))
	case len(tried) > 1:
		s.WriteString(reasons(r.Cells))
	}
	if r.NotRemoved != "" {
		fmt.Fprintf(&s, "\nLeft behind: %s\n", r.NotRemoved)
	}
	return s.String()
}

// reasons are those of the cells that did not keep their data, or did not lose it
// though they had to.
func reasons(cells []result.Cell) string {
	var s strings.Builder
	for _, c := range cells {
		if c.Plan.Control && c.LostAllData() || !c.Plan.Control && c.Verdict == judge.Pass {
			continue
		}
		fmt.Fprintf(&s, "\n%s: %s\n  %s\n", c.Plan.Name, progress.Word(c), c.Reason)
	}
	return s.String()
}

// headline is a verdict in a line, for who reads no further.
func headline(v judge.Verdict) string {
	said := map[judge.Verdict]string{
		judge.Pass: "KEPT: everything that was acknowledged is there.", judge.Fail: "LOST: the storage broke its promise.",
		judge.Stopped: "STOPPED: no verdict.", judge.NotApplicable: "NOT APPLICABLE: nothing was tried.",
	}
	if said[v] == "" {
		return "COULD NOT TELL: neither kept nor lost."
	}
	return said[v]
}

// details are what a table has no room for.
func details(c result.Cell) string {
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
		findings = append(findings, finding(f))
	}
	list("Findings", findings)
	list("Notes", c.Notes)
	list("Not shown", c.NotShown)
	return s.String()
}

// finding is one with its place in the file.
func finding(f judge.Finding) string {
	switch {
	case f.End > f.Offset:
		return fmt.Sprintf("%s; bytes %d to %d", f, f.Offset, f.End-1)
	case f.Offset > 0:
		return fmt.Sprintf("%s; at byte %d", f, f.Offset)
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
