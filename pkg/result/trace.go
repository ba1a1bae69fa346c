package result

import (
	"cmp"
	"slices"
	"time"
)

// PhaseName is the name of a phase of a run.
type PhaseName string

// The phases of a run. PhaseName.Description describes each of them.
const (
	Planning  PhaseName = "planning"
	PreChaos  PhaseName = "pre-chaos"
	RampTime  PhaseName = "ramp-time"
	Chaos     PhaseName = "chaos"
	PostChaos PhaseName = "post-chaos"
	Removal   PhaseName = "removal"
)

// StepName is the name of a step of a cell.
type StepName string

// The steps of a cell. StepName.Description describes each of them.
const (
	CreatingClaim StepName = "creating-claim"
	CreatingPod   StepName = "creating-pod"
	// StartingProcess is CreatingPod of a local run.
	StartingProcess StepName = "starting-process"
	Provisioning    StepName = "provisioning"
	Scheduling      StepName = "scheduling"
	Attaching       StepName = "attaching"
	Mounting        StepName = "mounting"
	Starting        StepName = "starting"
	FirstAck        StepName = "first-ack"
	Writing         StepName = "writing"
	Terminating     StepName = "terminating"
	ReadingLog      StepName = "reading-log"
	Between         StepName = "between"
	Deletions       StepName = "deletions"
	Detaching       StepName = "detaching"
	Reading         StepName = "reading"
	Judging         StepName = "judging"
	Waiting         StepName = "waiting"
	Removing        StepName = "removing"
)

type description[Name ~string] struct {
	name        Name
	description string
}

// phaseDescriptions has the only description of each phase. The documentation uses it.
var phaseDescriptions = []description[PhaseName]{
	{Planning, "reading the cluster and the options, before anything is created"},
	{PreChaos, "the cells create their claims and first writers; then the experiment runs the engine's SOT and Edge probes, and " +
		"starts its Continuous probes"},
	{RampTime, "waiting for `RAMP_TIME`"},
	{Chaos, "deleting the writers"},
	{PostChaos, "the journals are read back and judged; then the experiment evaluates the Continuous and OnChaos probes and, " +
		"if none failed, runs the EOT and Edge probes"},
	{Removal, "removing what the run created"},
}

// stepDescriptions has the only description of each step. The documentation and the HTML report use it.
var stepDescriptions = []description[StepName]{
	{CreatingClaim, "creating the claim, or reading the existing one"},
	{CreatingPod, "choosing a node and creating a pod, until the pod was observed"},
	{StartingProcess, "starting a process in a local run"},
	{Provisioning, "until the claim was bound to a volume, or waited for a pod"},
	{Scheduling, "until the pod was assigned to a node"},
	{Attaching, "until the volume was attached to that node"},
	{Mounting, "until the pod was ready to start its containers, with the volume mounted"},
	{Starting, "until the container started; this includes pulling its image since Kubernetes 1.36, before that `mounting` does"},
	{FirstAck, "until the first acknowledgement; a later writer reads the journal first"},
	{Writing, "a writer wrote, until its deletion was requested or the cell ended early"},
	{Terminating, "until the deleted writer no longer existed"},
	{ReadingLog, "reading the log of the deleted writer to its end"},
	{Between, "the command of `--between` in a local run"},
	{Deletions, "deletions that the list of steps leaves out, each with its recovery"},
	{Detaching, "waiting until the volume is attached to no node, if the required evidence level is `remounted` or above; " +
		"otherwise it takes no time"},
	{Reading, "the reader read the journal, until the experiment received its scan result"},
	{Judging, "judging the scan result and determining the evidence level"},
	{Waiting, "waiting for other cells, for the rest of the chaos, or for probes"},
	{Removing, "removing the pods and the claim of the cell"},
}

// PhaseNames returns the names of all phases in their order.
func PhaseNames() []PhaseName { return namesOf(phaseDescriptions) }

// StepNames returns the names of all steps in the order of a run.
func StepNames() []StepName { return namesOf(stepDescriptions) }

func namesOf[Name ~string](all []description[Name]) []Name {
	names := make([]Name, 0, len(all))
	for _, d := range all {
		names = append(names, d.name)
	}
	return names
}

// Description returns what happens in the phase, as a sentence without capital and full stop. It is empty for an
// unknown phase.
func (n PhaseName) Description() string { return descriptionOf(phaseDescriptions, n) }

// Description returns what a cell waits for in the step, as a sentence without capital and full stop. It is empty for
// an unknown step.
func (n StepName) Description() string { return descriptionOf(stepDescriptions, n) }

func descriptionOf[Name ~string](all []description[Name], name Name) string {
	for _, d := range all {
		if d.name == name {
			return d.description
		}
	}
	return ""
}

// Phase is a phase of the run. Each phase begins when the phase before it ends. A run with several batches of cells has
// the phases pre-chaos, chaos, post-chaos and removal for each batch. The phase ramp-time occurs before the first chaos
// and after the last one.
type Phase struct {
	Name      PhaseName `json:"name"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
}

// Took returns the length of the phase.
func (p Phase) Took() time.Duration { return p.EndedAt.Sub(p.StartedAt) }

// Trace shows where the time of a cell went.
type Trace struct {
	// Steps are the steps of the cell in their order. Each step begins when the step before it ends. A cell with more
	// than 10 recoveries has the steps of the first one and of the 9 slowest. One step "deletions" stands for each group
	// between them.
	Steps []Step `json:"steps"`
	// Totals sum up all steps by name, including those that the list of steps leaves out.
	Totals []StepTotal `json:"totals"`
}

// Step is one step of a cell.
type Step struct {
	Name StepName `json:"name"`
	// Pod is the pod that the step concerns, or the process in a local run; absent if it concerns none.
	Pod string `json:"pod,omitempty"`
	// Epoch is that of the writer that the step concerns; absent for the reader.
	Epoch int `json:"epoch,omitempty"`
	// Deletions is how many deletions a step "deletions" stands for.
	Deletions int       `json:"deletions,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
}

// Took returns the length of the step.
func (s Step) Took() time.Duration { return s.EndedAt.Sub(s.StartedAt) }

// StepTotal sums up the steps of one name.
type StepTotal struct {
	Name StepName `json:"name"`
	// Count is the number of steps.
	Count int `json:"count"`
	// Sum is the time of all these steps.
	Sum time.Duration `json:"sum"`
	// Max is the time of the longest one.
	Max time.Duration `json:"max"`
}

// AskedTime returns the part of the run's time that its options ask for: the duration of the chaos of each batch, and
// the ramp time.
func (r Result) AskedTime() time.Duration {
	var asked time.Duration
	for _, p := range r.Phases {
		switch p.Name {
		case RampTime:
			asked += p.Took()
		case Chaos:
			asked += min(p.Took(), r.Options.Duration)
		}
	}
	return asked
}

// CellStep is a step and its cell.
type CellStep struct {
	Cell *Cell
	Step
}

// LongestSteps returns the longest steps of all cells that began outside the chaos, longest first. Steps in which a
// cell only wrote or waited for others do not count.
func (r Result) LongestSteps(count int) []CellStep {
	var all []CellStep
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Trace == nil {
			continue
		}
		for _, s := range c.Trace.Steps {
			if s.Name != Writing && s.Name != Waiting && r.phaseAt(s.StartedAt) != Chaos {
				all = append(all, CellStep{c, s})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b CellStep) int { return cmp.Compare(b.Took(), a.Took()) })
	return all[:min(count, len(all))]
}

// phaseAt returns the phase at a time; empty if there was none.
func (r Result) phaseAt(at time.Time) PhaseName {
	for _, p := range r.Phases {
		if !at.Before(p.StartedAt) && at.Before(p.EndedAt) {
			return p.Name
		}
	}
	return ""
}
