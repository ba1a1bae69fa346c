package judge

// Verdict is the outcome of a run or of one of its cells. Pass, Fail, Error and Stopped are verdicts of Litmus.
// A ChaosResult can be Fail for a run that ended in Error, if a probe of the user failed.
type Verdict string

// The verdicts. Each has exactly one meaning.
const (
	// Pass means that no acknowledged data was lost or damaged.
	Pass Verdict = "Pass"
	// Fail means that there is a finding: acknowledged data was lost or damaged, the volume could no longer be
	// used, or a figure did not meet its threshold.
	Fail Verdict = "Fail"
	// Error means that the run could not determine whether data was lost, or that another condition of a Pass was not
	// met or not checked.
	Error Verdict = "Error"
	// Stopped means that the run was stopped before the journal was verified, and there was no finding.
	Stopped Verdict = "Stopped"
	// NotApplicable means that there was nothing to check, because Swarm orchestrates the cluster.
	NotApplicable Verdict = "N/A"
	// Skipped means that the cell could not be tested, for example because the cluster does not support it. It does not
	// count as a Pass.
	Skipped Verdict = "Skipped"
)

// Verdict returns Fail if there are findings, Error if nothing was acknowledged, and otherwise Pass.
func (j Judgement) Verdict() Verdict {
	switch {
	case len(j.Findings) > 0:
		return Fail
	case j.Acknowledged == 0:
		return Error
	default:
		return Pass
	}
}
