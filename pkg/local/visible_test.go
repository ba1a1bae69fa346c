//go:build linux || darwin

package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// readThrough returns an execution that reads through a second folder. Neither folder has the journal yet.
func readThrough(t *testing.T, timeout time.Duration) *execution {
	t.Helper()
	target, err := NewTarget(t.TempDir(), "0123456789abcdef")
	require.NoError(t, err)
	through, err := target.Through(t.TempDir())
	require.NoError(t, err)
	return &execution{Run: Run{Target: target, ReadFrom: through, Options: options.Values{StatusTimeout: timeout}}}
}

func create(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
}

func TestAwaitVisible_WaitsForTheJournal(t *testing.T) {
	s := readThrough(t, time.Hour)
	create(t, s.Target.Journal)
	done := make(chan error, 1)
	go func() { done <- s.awaitVisible(t.Context()) }()
	create(t, s.ReadFrom)
	assert.NoError(t, <-done)
}

func TestAwaitVisible_ReturnsAnErrorForOtherStorage(t *testing.T) {
	s := readThrough(t, time.Millisecond)
	create(t, s.Target.Journal)
	err := s.awaitVisible(t.Context())
	for _, part := range []string{"--read-from", s.Target.Journal, s.ReadFrom, "--status-check-timeout"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestAwaitVisible_LeavesALossToTheReader(t *testing.T) {
	s := readThrough(t, time.Millisecond)
	assert.NoError(t, s.awaitVisible(t.Context()))
}

func TestAwaitVisible_ReturnsWhyTheRunEnded(t *testing.T) {
	ended := errors.New("the run was stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	assert.ErrorIs(t, readThrough(t, time.Hour).awaitVisible(ctx), ended)
}
