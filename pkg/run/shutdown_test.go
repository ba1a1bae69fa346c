package run

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
)

func TestShutdown_FitsInThePodsGracePeriod(t *testing.T) {
	assert.Equal(t, 30*time.Second, gracePeriod)
	assert.Less(t, CleanupTimeout+BundleTimeout+chaosResultTime, gracePeriod)
}

func TestWithCleanupTimeout_EndsSomeTimeAfterTheRunWasStopped(t *testing.T) {
	running, stop := context.WithCancel(t.Context())
	cleanup, cancel := WithCleanupTimeout(running, time.Millisecond)
	defer cancel()
	step, done := Run{Settings: options.Defaults()}.withRemovalTimeout(cleanup)
	defer done()
	require.NoError(t, step.Err())
	stop()
	<-step.Done()
	assert.ErrorContains(t, context.Cause(step), "after the run was stopped")

	cleanup, cancel = WithCleanupTimeout(t.Context(), time.Hour)
	cancel()
	assert.ErrorIs(t, cleanup.Err(), context.Canceled, "its resources are released")
}
