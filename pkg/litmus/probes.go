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

// lastPhase is the phase in which litmus-go evaluates the probes that ran during the chaos.
const lastPhase = "PostChaos"

// withTimeout runs the probes of a phase with a timeout. litmus-go waits without a timeout for the command of a probe,
// which never returns if the volume hangs. A probe without a verdict after the timeout counts as failed.
// Litmus does the same when a probe exceeds its own timeout. The goroutine then ends only with this program:
// litmus-go cannot be stopped.
func (e *Experiment) withTimeout(phase string, run func(*types.ResultDetails) error) error {
	limit := e.probeTimeout(phase)
	done, running := make(chan error, 1), e.result
	go func() { done <- run(running) }()
	timer := e.clock.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		if phase == lastPhase {
			// litmus-go runs Continuous probes until this program ends. Their later results are not about the run, and
			// must not change its result.
			e.result = copyResult(e.result)
			return e.rejectUnevaluated(err)
		}
		return err
	case <-timer.C():
		e.result = copyResult(e.result)
		return e.failAwaited(phase, limit)
	}
}

// rejectUnevaluated sets passed probes without a description to N/A. litmus-go sets a probe to Passed if it has no
// result when it is evaluated, because its initial delay was longer than the run or its command has not returned.
// A probe that was not checked must not count as passed.
func (e *Experiment) rejectUnevaluated(err error) error {
	for _, p := range e.result.ProbeDetails {
		if isBuiltIn(p) || p.Status.Verdict != v1alpha1.ProbeVerdictPassed || p.Status.Description != "" {
			continue
		}
		const reason = "the probe had no result at the end of the chaos"
		p.Status = v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictNA, Description: reason}
		e.result.PassedProbeCount--
		if err == nil {
			target := fmt.Sprintf("{name: %s}", p.Name)
			err = cerrors.Error{ErrorCode: cerrors.ErrorTypeGeneric, Target: target, Reason: reason}
		}
	}
	return err
}

// runPhase runs the engine's probes of a phase in the order of the engine. litmus-go stores the output of probes in one
// map, without a lock. If two probes write to it at the same time, the Go runtime ends the program. runPhase therefore
// calls litmus-go once per probe, with a copy of the map. The output of background probes is not available to others.
func (e *Experiment) runPhase(phase string, r *types.ResultDetails) error {
	if phase == lastPhase { // litmus-go waits for each of these
		return probe.RunProbes(&e.chaos, e.clients, r, phase, &e.events)
	}
	for _, p := range e.probes {
		if !runsIn(p.Mode, phase) {
			continue
		}
		if err := e.runProbe(p, phase, r); err != nil {
			return err
		}
	}
	return nil
}

// runProbe runs one probe with a map of its own.
func (e *Experiment) runProbe(p v1alpha1.ProbeAttributes, phase string, r *types.ResultDetails) error {
	clients := e.clients
	var err error
	if clients.LitmusClient, err = newSingleProbeClient(e.clients.KubeConfig, p.Name); err != nil {
		return err
	}
	own := *r
	own.ProbeArtifacts = maps.Clone(r.ProbeArtifacts)
	err = probe.RunProbes(&e.chaos, clients, &own, phase, &e.events)
	if isBackground(p) {
		return err
	}
	r.PassedProbeCount = own.PassedProbeCount
	if output, ok := own.ProbeArtifacts[p.Name]; ok {
		r.ProbeArtifacts[p.Name] = output
	}
	return err
}

// isBackground reports whether a probe runs in the background, at the same time as others.
func isBackground(p v1alpha1.ProbeAttributes) bool {
	return p.Mode == "Continuous" || p.Mode == "OnChaos"
}

// copyResult returns a copy that goroutines with the original cannot change.
func copyResult(r *types.ResultDetails) *types.ResultDetails {
	c := *r
	c.ProbeArtifacts = map[string]types.ProbeArtifact{} // not copied: litmus-go may be writing to it
	c.ProbeDetails = make([]*types.ProbeDetails, len(r.ProbeDetails))
	for i, p := range r.ProbeDetails {
		details := *p
		c.ProbeDetails[i] = &details
	}
	return &c
}

// probeTimeout returns how long the probes of a phase may take together: the times that they declare, and two steps per
// probe for the creation and the deletion of its pod.
func (e *Experiment) probeTimeout(phase string) time.Duration {
	step := e.timeout()
	limit := step
	for _, p := range e.probes {
		if !runsIn(p.Mode, phase) {
			continue
		}
		for _, declared := range e.result.ProbeDetails {
			if declared.Name == p.Name && declared.Type == p.Type {
				attempts := time.Duration(max(1, p.RunProperties.Attempt, p.RunProperties.Retry))
				t := declared.Timeouts
				limit += t.InitialDelay + attempts*(t.ProbeTimeout+t.Interval) + t.EvaluationTimeout + 2*step
			}
		}
	}
	return limit
}

// runsIn reports whether probes of a mode are run or evaluated in a phase.
func runsIn(mode, phase string) bool {
	return slices.Contains(map[string][]string{
		"PreChaos":    {"sot", "edge", "continuous"},
		"DuringChaos": {"onchaos"},
		"PostChaos":   {"eot", "edge", "continuous", "onchaos"},
	}[phase], strings.ToLower(mode))
}

// failureCodes are litmus-go's error codes for failed probes, by the probe's type.
var failureCodes = map[string]cerrors.ErrorType{
	"cmdProbe":  cerrors.FailureTypeCmdProbe,
	"httpProbe": cerrors.FailureTypeHttpProbe,
	"k8sProbe":  cerrors.FailureTypeK8sProbe,
	"promProbe": cerrors.FailureTypePromProbe,
}

// failAwaited sets the probes of a phase that have no verdict to Failed.
func (e *Experiment) failAwaited(phase string, limit time.Duration) error {
	timeout := cerrors.Error{ErrorCode: cerrors.ErrorTypeTimeout, Reason: fmt.Sprintf("no answer within %s", limit)}
	for _, p := range e.probes {
		for _, d := range e.result.ProbeDetails {
			awaited := d.Status.Verdict == v1alpha1.ProbeVerdictAwaited && runsIn(p.Mode, phase)
			if d.Name != p.Name || d.Type != p.Type || !awaited {
				continue
			}
			d.Status = v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictFailed, Description: timeout.Reason}
			if timeout.Target == "" {
				timeout.Target, timeout.ErrorCode = fmt.Sprintf("{name: %s}", p.Name), failureCodes[p.Type]
			}
		}
	}
	return timeout
}
