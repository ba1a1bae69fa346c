package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// aggregate returns the verdict of a run and its reason from those of its cells and the error that ended the run
// early, if one did. A loss always counts; a run of which something was not verified is never a Pass.
func aggregate(r result.Result, endedBy error) (judge.Verdict, string) {
	overall, tested, control := runVerdict(r, endedBy), r.Tested(), r.Control()
	if len(tested) != 1 {
		return overall, reasonOfMany(overall, tested, control, endedBy)
	}
	reason := tested[0].Reason
	switch {
	case endedBy == nil:
	case overall != judge.Fail:
		reason = endedBy.Error()
	case !strings.Contains(reason, endedBy.Error()):
		reason = fmt.Sprintf("%s. The run ended early: %v", reason, endedBy)
	}
	if control != nil && !control.LostAllData() && overall != judge.Stopped {
		if !isAnyEstablished(tested) {
			return overall, reason + ". The " + controlWithoutLoss(*control, tested)
		}
		reason = "The " + controlWithoutLoss(*control, tested) + ". " + reason
	}
	return overall, reason
}

func runVerdict(r result.Result, endedBy error) judge.Verdict {
	has := map[judge.Verdict]bool{}
	for _, c := range r.Tested() {
		has[c.Verdict] = true
	}
	control := r.Control()
	switch {
	case has[judge.Fail]:
		return judge.Fail
	case has[judge.Stopped] || errors.Is(endedBy, verdict.ErrStopped):
		return judge.Stopped
	case endedBy != nil, has[judge.Error], !has[judge.Pass], control != nil && !control.LostAllData():
		return judge.Error
	default:
		return judge.Pass
	}
}

// isAnyEstablished reports whether any cell passed or failed.
func isAnyEstablished(tested []result.Cell) bool {
	return slices.ContainsFunc(tested, func(c result.Cell) bool {
		return c.Verdict == judge.Pass || c.Verdict == judge.Fail
	})
}

// controlWithoutLoss describes a control that did not lose its data. If no cell passed or failed, the control usually
// ended for the same reason as they did, so the reason is not repeated.
func controlWithoutLoss(control result.Cell, tested []result.Cell) string {
	switch {
	case control.Verdict == judge.Stopped:
		return "negative control was stopped before it could lose its data"
	case control.Verdict == judge.Skipped:
		return "negative control was ended early, because " + errNoOpenCell.Error()
	case control.Verdict == judge.Error && !isAnyEstablished(tested):
		return "negative control ended in Error too"
	}
	const noLoss = "negative control (an emptyDir) must lose its data, but did not: this run cannot detect loss"
	return fmt.Sprintf("%s (%s: %s)", noLoss, control.Verdict, control.Reason)
}

// reasonOfMany returns the reason of a run of several cells.
func reasonOfMany(overall judge.Verdict, tested []result.Cell, control *result.Cell, endedBy error) string {
	byVerdict := map[judge.Verdict][]string{}
	for _, c := range tested {
		entry := c.Spec.Name
		if c.Verdict != judge.Pass && c.Verdict != judge.Skipped { // a skipped cell has its own reason
			entry += " (" + c.Reason + ")"
		}
		byVerdict[c.Verdict] = append(byVerdict[c.Verdict], entry)
	}
	sentences := []string{fmt.Sprintf("%s of %s passed",
		judge.FormatCount(len(byVerdict[judge.Pass])), judge.Count(len(tested), "cell"))}
	for _, v := range []judge.Verdict{judge.Fail, judge.Error, judge.Stopped, judge.Skipped} {
		if list := byVerdict[v]; len(list) > 0 {
			sentences = append(sentences, fmt.Sprintf("%s %s: %s", judge.FormatCount(len(list)), v, strings.Join(list, "; ")))
		}
	}
	switch {
	case control != nil && control.LostAllData():
		sentences = append(sentences, "The negative control lost its data, as expected")
	case control != nil && overall != judge.Stopped:
		sentences = append(sentences, "The "+controlWithoutLoss(*control, tested))
	}
	if endedBy != nil && overall != judge.Pass {
		sentences = append(sentences, "The run ended early: "+endedBy.Error())
	}
	return strings.Join(sentences, ". ")
}
