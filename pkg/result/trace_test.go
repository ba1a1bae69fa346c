package result_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/generated"
)

// nameTable returns names and what they mean as a table in Markdown.
func nameTable[Name interface {
	~string
	Description() string
}](title string, names []Name) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | meaning |\n|---|---|\n", title)
	for _, n := range names {
		fmt.Fprintf(&b, "| `%s` | %s |\n", n, n.Description())
	}
	return b.String()
}

func TestDocumentation_HasEveryStep(t *testing.T) {
	const file = "../../docs/evidence-bundle.md"
	generated.CheckSection(t, file, "phases", nameTable("phase", result.PhaseNames()))
	generated.CheckSection(t, file, "steps", nameTable("step", result.StepNames()))
}

func TestDescription_OfAnUnknownStepIsEmpty(t *testing.T) {
	assert.Empty(t, result.StepName("dancing").Description())
	assert.Empty(t, result.PhaseName("lunch").Description())
}

// timed returns a result with phases and steps that begin and end at these seconds.
func timed() result.Result {
	start := time.Date(2026, 11, 24, 12, 46, 47, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	phase := func(name result.PhaseName, from, to int) result.Phase {
		return result.Phase{Name: name, StartedAt: at(from), EndedAt: at(to)}
	}
	step := func(name result.StepName, from, to int) result.Step {
		return result.Step{Name: name, StartedAt: at(from), EndedAt: at(to)}
	}
	return result.Result{
		StartedAt: start, EndedAt: at(60), Options: options.Values{Duration: 30 * time.Second},
		Phases: []result.Phase{
			phase(result.Planning, 0, 1), phase(result.PreChaos, 1, 6), phase(result.RampTime, 6, 8),
			phase(result.Chaos, 8, 42), phase(result.PostChaos, 42, 55), phase(result.Removal, 55, 60),
		},
		Cells: []result.Cell{{Trace: &result.Trace{Steps: []result.Step{
			step(result.CreatingClaim, 1, 3), step(result.Starting, 3, 6), step(result.Writing, 6, 20),
			step(result.Terminating, 20, 30), step(result.Waiting, 30, 42), step(result.Reading, 42, 51),
			step(result.Waiting, 51, 55), step(result.Removing, 55, 60),
		}}}, {}},
	}
}

func TestAskedTime_IsTheDurationAndTheRampTime(t *testing.T) {
	r := timed()
	assert.Equal(t, 32*time.Second, r.AskedTime(), "the chaos took longer than asked")
	r.Options.Duration = time.Minute
	assert.Equal(t, 36*time.Second, r.AskedTime(), "the chaos ended early")
	assert.Zero(t, result.Result{}.AskedTime())
}

func TestLongestSteps_AreThoseOutsideTheChaos(t *testing.T) {
	r := timed()
	var names []result.StepName
	for _, s := range r.LongestSteps(3) {
		assert.Equal(t, &r.Cells[0], s.Cell)
		names = append(names, s.Name)
	}
	assert.Equal(t, []result.StepName{result.Reading, result.Removing, result.Starting}, names)
	assert.Len(t, r.LongestSteps(9), 4)
}
