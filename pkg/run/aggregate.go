package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// sum is the verdict of a run, and its reason, from those of its cells and what
// ended it early. What was lost is lost, whatever else happened; what was not
// checked is never a Pass.
func sum(cells []result.Cell, ended error) (judge.Verdict, string) {
	verdict := verdictOf(cells, ended)
	tried, control := apart(cells)
	if len(tried) != 1 {
		return verdict, together(verdict, tried, control, ended)
	}
	reason := tried[0].Reason
	switch {
	case ended != nil && verdict == judge.Fail && tried[0].Verdict == judge.Fail && !strings.Contains(reason, ended.Error()):
		reason = fmt.Sprintf("%s. The run ended early: %v", reason, ended)
	case ended != nil && verdict != judge.Fail:
		reason = ended.Error()
	}
	if control != nil && !control.LostAllData() && verdict != judge.Stopped {
		if !established(tried) {
			return verdict, reason + ". The " + blind(*control, tried)
		}
		reason = "The " + blind(*control, tried) + ". " + reason
	}
	return verdict, reason
}

// verdictOf is the verdict alone.
func verdictOf(cells []result.Cell, ended error) judge.Verdict {
	tried, control := apart(cells)
	has := map[judge.Verdict]bool{}
	for _, c := range tried {
		has[c.Verdict] = true
	}
	switch {
	case has[judge.Fail]:
		return judge.Fail
	case has[judge.Stopped] || errors.Is(ended, errStopped):
		return judge.Stopped
	case ended != nil, has[judge.Error], !has[judge.Pass], control != nil && !control.LostAllData():
		return judge.Error
	default:
		return judge.Pass
	}
}

// apart tells the control from the cells that are tried.
func apart(cells []result.Cell) (tried []result.Cell, control *result.Cell) {
	for i, c := range cells {
		if c.Plan.Control {
			control = &cells[i]
			continue
		}
		tried = append(tried, c)
	}
	return tried, control
}

// established says whether any cell came to know what became of its data.
func established(tried []result.Cell) bool {
	return slices.ContainsFunc(tried, func(c result.Cell) bool { return c.Verdict == judge.Pass || c.Verdict == judge.Fail })
}

// blind is what a control that saw no loss says of the run. Where no cell came to know
// anything there is nothing to be believed, and what kept it from that mostly kept the
// control, too: its cell has the reason.
func blind(control result.Cell, tried []result.Cell) string {
	switch {
	case control.Verdict == judge.Stopped:
		return "negative control was stopped before its loss could be seen"
	case control.Verdict == judge.Error && !established(tried):
		return "negative control came to no verdict either"
	}
	return fmt.Sprintf("negative control, an emptyDir that forgets everything, did not come out as lost: on this cluster the run cannot be believed (%s: %s)", control.Verdict, control.Reason)
}

// together is the reason of a run of several cells.
func together(verdict judge.Verdict, tried []result.Cell, control *result.Cell, ended error) string {
	by := map[judge.Verdict][]string{}
	for _, c := range tried {
		entry := c.Plan.Name
		if c.Verdict != judge.Pass && c.Verdict != judge.Skipped { // why it was skipped, its own reason says
			entry += " (" + c.Reason + ")"
		}
		by[c.Verdict] = append(by[c.Verdict], entry)
	}
	said := []string{fmt.Sprintf("%d of %d cells kept their data", len(by[judge.Pass]), len(tried))}
	for _, part := range []struct {
		verdict judge.Verdict
		words   string
	}{{judge.Fail, "lost"}, {judge.Error, "not established"}, {judge.Stopped, "stopped"}, {judge.Skipped, "skipped"}} {
		if list := by[part.verdict]; len(list) > 0 {
			said = append(said, fmt.Sprintf("%d %s: %s", len(list), part.words, strings.Join(list, "; ")))
		}
	}
	switch {
	case control != nil && control.LostAllData():
		said = append(said, "The negative control lost its data, as it must, and that was seen")
	case control != nil && verdict != judge.Stopped:
		said = append(said, "The "+blind(*control, tried))
	}
	if ended != nil && verdict != judge.Pass {
		said = append(said, "The run ended early: "+ended.Error())
	}
	return strings.Join(said, ". ")
}
