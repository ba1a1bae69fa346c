//go:build linux || darwin

package localcmd

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

type brokenPipe struct{ failures int }

func (b *brokenPipe) Write(line []byte) (int, error) {
	if b.failures > 0 {
		b.failures--
		return 0, errors.New("broken pipe")
	}
	return len(line), nil
}

func TestSink_EndReportsLostAcknowledgements(t *testing.T) {
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 1}}
	s := &sink{out: &brokenPipe{failures: 1}, close: func() error { return nil }}
	assert.Error(t, s.add(ack))
	assert.NoError(t, s.add(ack))
	assert.EqualError(t, s.end("tcp://h:1"), "--acks tcp://h:1: writing message ack: broken pipe")

	s = &sink{out: &brokenPipe{}, close: func() error { return errors.New("disk full") }}
	assert.NoError(t, s.add(ack))
	assert.EqualError(t, s.end("acks"), "--acks acks: disk full")
}
