package terminal

import (
	"fmt"
	"strings"

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
	text := fmt.Sprintf("Time: %s\n", result.FormatDuration(total))
	if asked > 0 {
		text = fmt.Sprintf("Time: %s: %s of chaos and ramp time, and %s of overhead\n",
			result.FormatDuration(total), result.FormatDuration(asked), result.FormatDuration(total-asked))
	}
	var steps []string
	for _, s := range r.LongestSteps(maxLongestSteps) {
		step := fmt.Sprintf("%s %s", s.Name, result.FormatDuration(s.Took()))
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
