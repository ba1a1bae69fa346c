package verdict_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

func TestMeaningOf(t *testing.T) {
	reading, writing := protocol.NewOpError("reading", syscall.EIO), protocol.NewOpError("writing", syscall.EIO)
	writing.Writing = true
	readOnly := protocol.NewOpError("writing", syscall.EROFS)
	readOnly.Writing = true
	lost, dying := protocol.NewOpError("writing", syscall.ENOTCONN), protocol.NewOpError("syncing", syscall.ECONNABORTED)
	lost.Writing, dying.Writing = true, true
	dead := protocol.NewOpError("opening", syscall.ENOTCONN)
	full := protocol.NewOpError("writing", syscall.ENOSPC)
	for name, c := range map[string]struct {
		op    *protocol.OpError
		class judge.Class
		want  verdict.Meaning
	}{
		"a read failed":                    {&reading, judge.Unavailable, verdict.Failure},
		"a single write failed":            {&writing, judge.Unavailable, verdict.Refusal},
		"a mount was lost":                 {&lost, judge.Unavailable, verdict.Refusal},
		"a mount was lost during a call":   {&dying, judge.Unavailable, verdict.Refusal},
		"a mount is dead":                  {&dead, judge.Unavailable, verdict.Failure},
		"the volume became read-only":      {&readOnly, judge.ReadOnly, verdict.Failure},
		"the volume is full":               {&full, "", verdict.Refusal},
		"the volume did not return a call": {nil, judge.Unavailable, verdict.Failure},
		"a timeout for an unknown reason":  {nil, "", verdict.Unclear},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, verdict.MeaningOf(c.op, c.class)) })
	}
}

func TestFailures_KeepOneFindingOfAClass(t *testing.T) {
	var l ledger.Ledger
	require.NoError(t, l.Add(ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 10}}))
	failures := verdict.Failures{Ledger: &l}
	for _, detail := range []string{"first", "second"} {
		assert.Equal(t, verdict.Failure, failures.Classify(t.Context(), errors.New(detail), nil, judge.Unavailable))
	}
	assert.Equal(t, verdict.Unclear, failures.Classify(t.Context(), errors.New("forbidden"), nil, ""))
	assert.Equal(t, []judge.Finding{{Class: judge.Unavailable, Detail: "first"}}, failures.Findings)
}

func TestFailures_NoneBeforeAnAcknowledgementOrAfterAStop(t *testing.T) {
	var l ledger.Ledger
	failures := verdict.Failures{Ledger: &l}
	assert.Equal(t, verdict.Unclear, failures.Classify(t.Context(), errors.New("hangs"), nil, judge.Unavailable))

	require.NoError(t, l.Add(ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 10}}))
	stopped, stop := context.WithCancel(t.Context())
	stop()
	assert.Equal(t, verdict.Unclear, failures.Classify(stopped, errors.New("hangs"), nil, judge.Unavailable))
	assert.Empty(t, failures.Findings)
}
