package main

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// planned plans the measurement of backends.
func planned(t *testing.T, s selection, backends []Backend, earlier ...Row) *measurement {
	t.Helper()
	m, err := newMeasurement(s, backends, earlier)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.close(t.Context())) })
	return m
}

// named returns the tasks with a name.
func (m *measurement) named(name string) []*task {
	var all []*task
	for _, t := range m.tasks {
		if t.name == name {
			all = append(all, t)
		}
	}
	return all
}

func TestMeasurement_BuildsAModuleOnce(t *testing.T) {
	m := planned(t, selection{}, seaweeds())
	built := m.named("module of SeaweedFS")
	require.Len(t, built, 1)
	assert.Equal(t, 3, count(m.tasks, func(t *task) bool { return t.isPreparation }), "packages, program, module")
	for _, b := range seaweeds() {
		cut := m.named(b.Name + ", power-cut, append")
		require.Len(t, cut, 1)
		assert.Contains(t, cut[0].needs, built[0])
	}
}

func TestMeasurement_ExpectsWhatATaskTookEarlier(t *testing.T) {
	earlier := Row{
		Backend: "bindfs", Syncs: &Syncs{Seconds: 7},
		Events: []Outcome{{Event: "power-cut", Pattern: "append", Seconds: 4}},
	}
	m := planned(t, selection{}, []Backend{bindfs()}, earlier)
	for name, want := range map[string]time.Duration{
		"bindfs, power-cut, append": 4 * time.Second,
		"bindfs, syncs":             7 * time.Second,
		"bindfs, remounted, append": math.MaxInt64,
	} {
		require.Len(t, m.named(name), 1, name)
		assert.Equal(t, want, m.named(name)[0].expected, name)
	}
}

func TestMeasurement_HasOnlyRowsOfWhatWasMeasured(t *testing.T) {
	m := planned(t, selection{events: "power-cut,remounted"}, []Backend{bindfs(), sshfs()})
	assert.Empty(t, m.rows(t.Context()))
	*m.parts[0].outcomes[0] = Outcome{Event: "remounted", Pattern: "append", Verdict: Kept}
	rows := m.rows(t.Context())
	require.Len(t, rows, 1)
	assert.Equal(t, []Outcome{{Event: "remounted", Pattern: "append", Verdict: Kept}}, rows[0].Events)
}

func TestMeasurement_HasTheVersionsAlsoIfItWasInterrupted(t *testing.T) {
	m := planned(t, selection{events: "remounted"}, []Backend{{Name: "x", Package: "dpkg"}})
	*m.parts[0].outcomes[0] = Outcome{Event: "remounted", Pattern: "append", Verdict: Kept}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rows := m.rows(ctx)
	require.Len(t, rows, 1)
	assert.Equal(t, version(t.Context(), "dpkg"), rows[0].Version)
}
