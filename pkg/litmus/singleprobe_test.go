package litmus

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/litmuschaos/litmus-go/pkg/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

func command(name, mode, command, output string) v1alpha1.ProbeAttributes {
	return v1alpha1.ProbeAttributes{
		Name: name,
		Type: "cmdProbe",
		Mode: mode,
		CmdProbeInputs: &v1alpha1.CmdProbeInputs{
			Command:    command,
			Comparator: v1alpha1.ComparatorInfo{Type: "string", Criteria: "equal", Value: output},
		},
		RunProperties: v1alpha1.RunProperty{
			ProbeTimeout:         "5s",
			Interval:             "1s",
			Attempt:              1,
			ProbePollingInterval: "1h",
		},
	}
}

// newExperiment returns an experiment whose engine has these probes.
func newExperiment(t *testing.T, probes ...v1alpha1.ProbeAttributes) *Experiment {
	t.Helper()
	engine := v1alpha1.ChaosEngine{
		TypeMeta: metav1.TypeMeta{
			APIVersion: "litmuschaos.io/v1alpha1",
			Kind:       "ChaosEngine",
		},
		ObjectMeta: metav1.ObjectMeta{Name: "engine", ResourceVersion: "9007199254740993"},
		Spec: v1alpha1.ChaosEngineSpec{
			Experiments: []v1alpha1.ExperimentList{
				{Name: "other", Spec: v1alpha1.ExperimentAttributes{Probe: probes[:1]}},
				{Name: "volume-durability", Spec: v1alpha1.ExperimentAttributes{Probe: probes}},
			},
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(engine))
	}))
	t.Cleanup(server.Close)
	e := &Experiment{
		result: &types.ResultDetails{ProbeArtifacts: map[string]types.ProbeArtifact{}},
		probes: probes,
		clock:  clock.RealClock{},
	}
	e.chaos = types.ChaosDetails{
		ExperimentName: "volume-durability",
		EngineName:     "engine",
		ChaosNamespace: "stig",
		Timeout:        60,
		Delay:          1,
		ChaosDuration:  1,
	}
	require.NoError(t, e.connect(&rest.Config{Host: server.URL}))
	require.NoError(t, types.InitializeProbesInChaosResultDetails(e.result, probes))
	return e
}

func TestSingleProbeClient_FiltersFirstAnswerOnly(t *testing.T) {
	e := newExperiment(t, command("a", "SOT", "echo 1", "1"), command("b", "EOT", "echo 2", "2"))
	client, err := newSingleProbeClient(e.clients.KubeConfig, "b")
	require.NoError(t, err)
	for _, want := range [][]string{{"b"}, {"a", "b"}} {
		engine, err := client.ChaosEngines("stig").Get(t.Context(), "engine", metav1.GetOptions{})
		require.NoError(t, err)
		var names []string
		for _, p := range engine.Spec.Experiments[1].Spec.Probe {
			names = append(names, p.Name)
		}
		assert.Equal(t, want, names, "only the first answer is filtered")
		assert.Equal(t, "9007199254740993", engine.ResourceVersion, "other fields are unchanged")
	}
}

// litmus-go itself runs these probes. Background probes race with each other in litmus-go, so end-to-end tests run them.
func TestRunPhase_PassesOutputToLaterProbes(t *testing.T) {
	e := newExperiment(t,
		command("first", "SOT", "echo one", "one"),
		command("second", "SOT", "echo {{ .first.ProbeArtifacts.Register }} two", "one two"),
		command("around", "Edge", "echo edge", "edge"),
		command("after", "EOT", "echo {{ .second.ProbeArtifacts.Register }} three", "one two three"),
	)
	for _, phase := range []string{"PreChaos", "DuringChaos"} {
		require.NoError(t, e.runPhase(phase, e.result))
		outputs := map[string]string{}
		for name, artifact := range e.result.ProbeArtifacts {
			outputs[name] = artifact.ProbeArtifacts.Register
		}
		assert.Equal(t, map[string]string{"first": "one", "second": "one two", "around": "edge"}, outputs)
	}
	require.NoError(t, e.runPhase(lastPhase, e.result))
	for _, p := range e.result.ProbeDetails {
		assert.Equal(t, v1alpha1.ProbeVerdictPassed, p.Status.Verdict, p.Name)
	}
	assert.Equal(t, len(e.probes), e.result.PassedProbeCount)
}

func TestRunPhase_EndsAtProbeWithStopOnFailure(t *testing.T) {
	for stops, next := range map[bool]v1alpha1.ProbeVerdict{true: v1alpha1.ProbeVerdictAwaited, false: v1alpha1.ProbeVerdictPassed} {
		fails := command("fails", "SOT", "echo 1", "2")
		fails.RunProperties.StopOnFailure = stops
		e := newExperiment(t, fails, command("next", "SOT", "echo 1", "1"))
		err := e.runPhase("PreChaos", e.result)
		assert.Equal(t, stops, err != nil, err)
		assert.Equal(t, v1alpha1.ProbeVerdictFailed, e.result.ProbeDetails[0].Status.Verdict)
		assert.Equal(t, next, e.result.ProbeDetails[1].Status.Verdict)
	}
}
