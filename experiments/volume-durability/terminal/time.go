package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// maxLongestSteps limits the steps that a summary names.
const maxLongestSteps = 3

// timeText returns where the time of a run went, in at most two lines; empty if the result does not have it.
func timeText(r result.Result) string {
	if len(r.Phases) == 0 {
		return ""
	}
	total, asked := r.EndedAt.Sub(r.StartedAt), r.AskedTime()
	text := fmt.Sprintf("Time: %s\n", rounded(total))
	if asked > 0 {
		text = fmt.Sprintf("Time: %s: %s as configured for the chaos, and %s of overhead\n",
			rounded(total), rounded(asked), rounded(total-asked))
	}
	var steps []string
	for _, s := range r.LongestSteps(maxLongestSteps) {
		step := fmt.Sprintf("%s %s", s.Name, rounded(s.Took()))
		if len(r.Cells) > 1 {
			step += " (" + s.Cell.DisplayName() + ")"
		}
		steps = append(steps, step)
	}
	if len(steps) > 0 {
		text += "Longest steps outside the chaos: " + strings.Join(steps, ", ") + "\n"
	}
	return text
}

// rounded formats a duration with about three digits.
func rounded(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
