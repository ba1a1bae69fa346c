package command

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestLiveMetrics_AreServedDuringTheRunAndAfterIt(t *testing.T) {
	view := progress.New(io.Discard, style.Never, options.Defaults())
	spec := runSpec{options: options.Defaults(), hooks: view}
	spec.options.MetricsAddress = "localhost:0"
	var live liveMetrics
	require.NoError(t, live.listen(t.Context(), spec.options))
	read := func() string {
		t.Helper()
		answer, err := http.Get(live.url())
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return string(body)
	}
	assert.Equal(t, noFigures, read(), "the run has not started")
	live.start(t.Context(), &spec)
	spec.run().Hooks.CellsPlanned([]options.CellSpec{{Name: "fast"}})
	assert.Contains(t, read(), `volume_durability_acknowledged_records_total{cell="fast",`)
	live.finish(samples.Pass())
	assert.Equal(t, string(openmetrics.Render(samples.Pass())), read())
	require.NoError(t, live.close())
}

func TestLiveMetrics_AnAddressInUseIsAnInvalidOption(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer listener.Close()
	spec := runSpec{options: options.Defaults()}
	spec.options.MetricsAddress = listener.Addr().String()
	var live liveMetrics
	err = live.listen(t.Context(), spec.options)
	var invalid options.InvalidValueError
	require.ErrorAs(t, err, &invalid)
	assert.Contains(t, withFlagNames(err).Error(), "--metrics-address (METRICS_ADDRESS)")
	assert.NoError(t, live.close())
}

func TestLiveMetrics_AreOffByDefault(t *testing.T) {
	spec := runSpec{options: options.Defaults()}
	var live liveMetrics
	require.NoError(t, live.listen(t.Context(), spec.options))
	live.start(t.Context(), &spec)
	live.finish(samples.Pass())
	assert.Empty(t, live.url())
	assert.Nil(t, spec.hooks)
	assert.NoError(t, live.close())
}
