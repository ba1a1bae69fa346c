package helper

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

func TestStallWatch_ReportsACallThatDoesNotReturn(t *testing.T) {
	r, out := io.Pipe()
	w := stallWatch{out: out, timeout: time.Millisecond}
	release, done := make(chan struct{}), make(chan error, 1)
	failure := errors.New("the call's own error")
	go func() {
		done <- w.watch("syncing /data/logs.log", func() error {
			<-release
			return failure
		})
	}()
	lines := bufio.NewReader(r)
	nextStall := func() *protocol.Stall {
		line, err := lines.ReadBytes('\n')
		require.NoError(t, err)
		message, err := protocol.Parse(line[:len(line)-1])
		require.NoError(t, err)
		require.NotNil(t, message.Stall)
		return message.Stall
	}
	stall := nextStall()
	assert.Equal(t, "syncing /data/logs.log has not returned for 0.001 s", stall.String())
	assert.False(t, stall.Ended)
	close(release)
	assert.True(t, nextStall().Ended)
	assert.Equal(t, failure, <-done)
}

func TestStallWatch_ReportsNothingIfTheCallReturns(t *testing.T) {
	w := stallWatch{out: failOnWrite{t}, timeout: time.Hour}
	require.NoError(t, w.watch("syncing", func() error { return nil }))
}

type failOnWrite struct{ t *testing.T }

func (f failOnWrite) Write(b []byte) (int, error) {
	assert.Fail(f.t, "unexpected message", string(b))
	return len(b), nil
}
