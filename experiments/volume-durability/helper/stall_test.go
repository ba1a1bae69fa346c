package main

import (
	"bufio"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestACallThatDoesNotComeBackIsSaidWhileItWaits(t *testing.T) {
	r, w := io.Pipe()
	p := patience{out: w, after: time.Millisecond}
	back, done := make(chan struct{}), make(chan error, 1)
	failure := errors.New("the call's own")
	go func() {
		done <- p.during("syncing /data/logs.log", func() error {
			<-back
			return failure
		})
	}()
	lines := bufio.NewReader(r)
	stall := func() *protocol.Stall {
		line, err := lines.ReadBytes('\n')
		require.NoError(t, err)
		s, err := protocol.Parse(line[:len(line)-1])
		require.NoError(t, err)
		require.NotNil(t, s.Stall)
		return s.Stall
	}
	waiting := stall()
	assert.Equal(t, "syncing /data/logs.log has not come back for 0.001 s", waiting.String())
	assert.False(t, waiting.Ended)
	close(back)
	assert.True(t, stall().Ended)
	assert.Equal(t, failure, <-done)
}

func TestACallThatComesBackIsNotSpokenOf(t *testing.T) {
	p := patience{out: failing{t}, after: time.Hour}
	require.NoError(t, p.during("syncing", func() error { return nil }))
}

type failing struct{ t *testing.T }

func (f failing) Write(b []byte) (int, error) {
	assert.Fail(f.t, "nothing was to be said", string(b))
	return len(b), nil
}
