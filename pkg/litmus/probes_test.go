package litmus

import (
	"runtime"
	"testing"
	"time"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/litmuschaos/litmus-go/pkg/cerrors"
	"github.com/litmuschaos/litmus-go/pkg/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

func withProbes(probes ...v1alpha1.ProbeAttributes) *Experiment {
	e := &Experiment{result: &types.ResultDetails{}, probes: probes, clock: clock.RealClock{}}
	e.chaos.Timeout = 60
	for _, p := range probes {
		e.result.ProbeDetails = append(e.result.ProbeDetails, &types.ProbeDetails{
			Name:   p.Name,
			Type:   p.Type,
			Mode:   p.Mode,
			Status: v1alpha1.ProbeStatus{Verdict: v1alpha1.ProbeVerdictAwaited},
		})
	}
	return e
}

func TestWithTimeout_FailsProbeThatDoesNotReturn(t *testing.T) {
	e := withProbes(v1alpha1.ProbeAttributes{Name: "before", Type: "cmdProbe", Mode: "SOT"},
		v1alpha1.ProbeAttributes{Name: "quick", Type: "k8sProbe", Mode: "EOT"},
		v1alpha1.ProbeAttributes{Name: "stuck", Type: "cmdProbe", Mode: "EOT"})
	time := clocktesting.NewFakeClock(time.Now())
	e.clock = time
	stuck, release, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		<-stuck
		for !time.HasWaiters() {
			runtime.Gosched()
		}
		time.Step(e.probeTimeout("PostChaos"))
	}()
	err := e.withTimeout("PostChaos", func(r *types.ResultDetails) error {
		defer close(returned)
		r.ProbeDetails[1].Status.Verdict = v1alpha1.ProbeVerdictPassed
		close(stuck)
		<-release
		r.ProbeDetails[2].Status.Verdict = v1alpha1.ProbeVerdictPassed
		return nil
	})
	require.Error(t, err)
	assert.Equal(t, cerrors.FailureTypeCmdProbe, cerrors.GetErrorType(err))
	close(release)
	<-returned
	var verdicts []v1alpha1.ProbeVerdict
	for _, p := range e.result.ProbeDetails {
		verdicts = append(verdicts, p.Status.Verdict)
	}
	assert.Equal(t, []v1alpha1.ProbeVerdict{"Awaited", "Passed", "Failed"}, verdicts,
		"a verdict after the timeout must not count")
}

// Continuous probes run until the program ends.
func TestWithTimeout_IgnoresVerdictsAfterLastPhase(t *testing.T) {
	for phase, want := range map[string]v1alpha1.ProbeVerdict{"PreChaos": "Failed", lastPhase: "Passed"} {
		e := withProbes(v1alpha1.ProbeAttributes{Name: "always", Type: "cmdProbe", Mode: "Continuous"})
		var background *types.ResultDetails
		require.NoError(t, e.withTimeout(phase, func(r *types.ResultDetails) error {
			r.ProbeDetails[0].Status = v1alpha1.ProbeStatus{
				Verdict:     v1alpha1.ProbeVerdictPassed,
				Description: "its result",
			}
			background = r
			return nil
		}))
		background.ProbeDetails[0].Status.Verdict = v1alpha1.ProbeVerdictFailed
		assert.Equal(t, want, e.result.ProbeDetails[0].Status.Verdict, phase)
	}
}

func TestWithTimeout_RejectsProbeWithoutResult(t *testing.T) {
	e := withProbes(v1alpha1.ProbeAttributes{Name: "run", Type: "cmdProbe", Mode: "OnChaos"},
		v1alpha1.ProbeAttributes{Name: "waited", Type: "cmdProbe", Mode: "OnChaos"})
	passed := func(r *types.ResultDetails) error {
		for _, p := range r.ProbeDetails {
			p.Status.Verdict = v1alpha1.ProbeVerdictPassed
			r.PassedProbeCount++
		}
		r.ProbeDetails[0].Status.Description = "its result"
		return nil
	}
	err := e.withTimeout(lastPhase, passed)
	require.ErrorContains(t, err, "waited")
	assert.Equal(t, cerrors.ErrorTypeGeneric, cerrors.GetErrorType(err), "the verdict must be Error, not Fail")
	assert.Equal(t, v1alpha1.ProbeVerdictPassed, e.result.ProbeDetails[0].Status.Verdict)
	assert.Equal(t, v1alpha1.ProbeVerdictNA, e.result.ProbeDetails[1].Status.Verdict)
	assert.Equal(t, 1, e.result.PassedProbeCount)
}

func TestWithTimeout_ReturnsErrorOfProbes(t *testing.T) {
	e := withProbes(v1alpha1.ProbeAttributes{Name: "quick", Type: "cmdProbe", Mode: "EOT"})
	failed := cerrors.Error{ErrorCode: cerrors.FailureTypeCmdProbe, Reason: "its own"}
	assert.Equal(t, failed, e.withTimeout("PostChaos", func(*types.ResultDetails) error { return failed }))
}

func TestProbeTimeout_SumsTimesOfProbes(t *testing.T) {
	probe := v1alpha1.ProbeAttributes{
		Name:          "probe",
		Type:          "cmdProbe",
		Mode:          "Edge",
		RunProperties: v1alpha1.RunProperty{Retry: 3},
	}
	e := withProbes(probe)
	e.result.ProbeDetails[0].Timeouts = types.ProbeTimeouts{
		ProbeTimeout: 5 * time.Second,
		Interval:     time.Second,
		InitialDelay: 2 * time.Second,
	}
	assert.Equal(t, 3*time.Minute+20*time.Second, e.probeTimeout("PreChaos"))
	assert.Equal(t, time.Minute, e.probeTimeout("DuringChaos"), "the probe does not run in this phase")
}
