package judge

// Verdict is the outcome of a run, or of a part of it. Pass, Fail,
// Error and Stopped are Litmus's words.
type Verdict string

// The verdicts mean different things, and none stands in for another.
const (
	Pass Verdict = "Pass" // everything acknowledged was there
	Fail Verdict = "Fail" // the storage broke its promise: there is a finding
	// Error says that the truth could not be established. What was not checked is never a Pass.
	Error   Verdict = "Error"
	Stopped Verdict = "Stopped" // the run was stopped by its user
	// NotApplicable says that there was nothing to check: Swarm orchestrates.
	NotApplicable Verdict = "N/A"
	// Skipped says of a part of a run that the cluster cannot do it. It is never counted as passed.
	Skipped Verdict = "Skipped"
)

// Verdict returns the verdict on what was judged: an Error where nothing had been acknowledged.
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
