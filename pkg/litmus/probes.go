package litmus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/litmuschaos/litmus-go/pkg/cerrors"
	"github.com/litmuschaos/litmus-go/pkg/probe"
	"github.com/litmuschaos/litmus-go/pkg/types"
)

// lastPhase is that in which litmus-go evaluates what went on during the chaos.
const lastPhase = "PostChaos"

// inTime runs the engine's probes of a phase. litmus-go waits without end for the
// command of a probe: on a volume that hangs, it never comes back. What is not
// back when its time is up has failed, as Litmus says of a probe that is late.
// What waits for it ends with this program.
func (e *Experiment) inTime(phase string, run func(*types.ResultDetails) error) error {
	limit := e.probeTime(phase)
	done, r := make(chan error, 1), e.result
	go func() { done <- run(r) }()
	timer := e.clock.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		if phase == lastPhase {
			// Probes of mode Continuous go on until this program ends. What they find of
			// a run that is over is not the run's.
			e.result = detached(e.result)
			return e.evaluated(err)
		}
		return err
	case <-timer.C():
		e.result = detached(e.result)
		return e.unanswered(phase, limit)
	}
}

// evaluated is how the last phase ended. litmus-go passes a probe of which it has
// heard nothing by then: one that was to wait longer than the run took, or that has
// not come back. What was not checked is never a Pass.
func (e *Experiment) evaluated(err error) error {
	for _, p := range e.result.ProbeDetails {
		if p.Type == probeType || p.Status.Verdict != v1alpha1.ProbeVerdictPassed || p.Status.Description != "" {
			continue
		}
		p.Status = v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictNA, Description: "it had no result when the chaos was over"}
		e.result.PassedProbeCount--
		if err == nil {
			err = cerrors.Error{ErrorCode: cerrors.ErrorTypeGeneric, Target: fmt.Sprintf("{name: %s}", p.Name), Reason: p.Status.Description}
		}
	}
	return err
}

// runPhase has litmus-go run the engine's probes of a phase, in the engine's order. All
// that litmus-go runs at once keeps what it prints in one map, without a lock, and ends
// the program when two do so at the same time. A probe is therefore run by itself where
// others go on meanwhile, with a map of its own; what one prints that goes on is not
// known to the others.
func (e *Experiment) runPhase(phase string, r *types.ResultDetails) error {
	if phase == lastPhase { // what it runs, it waits for
		return probe.RunProbes(&e.chaos, e.clients, r, phase, &e.events)
	}
	for _, p := range e.probes {
		if !runsIn(p.Mode, phase) {
			continue
		}
		if err := e.runAlone(p, phase, r); err != nil {
			return err
		}
	}
	return nil
}

func (e *Experiment) runAlone(p v1alpha1.ProbeAttributes, phase string, r *types.ResultDetails) error {
	clients := e.clients
	var err error
	if clients.LitmusClient, err = showingOnly(e.clients.KubeConfig, p.Name); err != nil {
		return err
	}
	own := *r
	own.ProbeArtifacts = maps.Clone(r.ProbeArtifacts)
	err = probe.RunProbes(&e.chaos, clients, &own, phase, &e.events)
	if goesOn(p) {
		return err
	}
	r.PassedProbeCount = own.PassedProbeCount
	if printed, ran := own.ProbeArtifacts[p.Name]; ran {
		r.ProbeArtifacts[p.Name] = printed
	}
	return err
}

// goesOn says whether a probe is run beside others.
func goesOn(p v1alpha1.ProbeAttributes) bool { return p.Mode == "Continuous" || p.Mode == "OnChaos" }

// detached is a copy that what still works on the original does not reach.
func detached(r *types.ResultDetails) *types.ResultDetails {
	c := *r
	c.ProbeArtifacts = map[string]types.ProbeArtifact{} // the original's may be written to
	c.ProbeDetails = make([]*types.ProbeDetails, len(r.ProbeDetails))
	for i, p := range r.ProbeDetails {
		details := *p
		c.ProbeDetails[i] = &details
	}
	return &c
}

// probeTime is how long the probes of a phase may take together: what they are
// declared to take, and the time that a step in the cluster may take, for the pod
// of each to come and to go.
func (e *Experiment) probeTime(phase string) time.Duration {
	step := time.Duration(e.chaos.Timeout) * time.Second
	limit := step
	for _, p := range e.probes {
		if !runsIn(p.Mode, phase) {
			continue
		}
		for _, declared := range e.result.ProbeDetails {
			if declared.Name == p.Name && declared.Type == p.Type {
				attempts := time.Duration(max(1, p.RunProperties.Attempt, p.RunProperties.Retry))
				limit += declared.Timeouts.InitialDelay + attempts*(declared.Timeouts.ProbeTimeout+declared.Timeouts.Interval) + declared.Timeouts.EvaluationTimeout + 2*step
			}
		}
	}
	return limit
}

// runsIn says whether probes of a mode are run or evaluated in a phase.
func runsIn(mode, phase string) bool {
	return slices.Contains(map[string][]string{
		"PreChaos":    {"sot", "edge", "continuous"},
		"DuringChaos": {"onchaos"},
		"PostChaos":   {"eot", "edge", "continuous", "onchaos"},
	}[phase], strings.ToLower(mode))
}

// failures are litmus-go's words for a probe that failed, by the probe's type.
var failures = map[string]cerrors.ErrorType{
	"cmdProbe":  cerrors.FailureTypeCmdProbe,
	"httpProbe": cerrors.FailureTypeHttpProbe,
	"k8sProbe":  cerrors.FailureTypeK8sProbe,
	"promProbe": cerrors.FailureTypePromProbe,
}

// unanswered marks the probes of a phase that are not back as failed.
func (e *Experiment) unanswered(phase string, limit time.Duration) error {
	late := cerrors.Error{ErrorCode: cerrors.ErrorTypeTimeout, Reason: fmt.Sprintf("no answer within %s", limit)}
	for _, p := range e.probes {
		for _, d := range e.result.ProbeDetails {
			if d.Name != p.Name || d.Type != p.Type || d.Status.Verdict != v1alpha1.ProbeVerdictAwaited || !runsIn(p.Mode, phase) {
				continue
			}
			d.Status = v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictFailed, Description: late.Reason}
			if late.Target == "" {
				late.Target, late.ErrorCode = fmt.Sprintf("{name: %s}", p.Name), failures[p.Type]
			}
		}
	}
	return late
}
