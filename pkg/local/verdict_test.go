package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/transcript"
)

// xfs is the mount of the filesystem under test.
var xfs = protocol.Mount{FSType: "xfs", UUID: "a", Point: "/mnt", Source: "/dev/loop0"}

// verified returns an execution that has killed one writer and read back its ten acknowledged records.
func verified(t *testing.T) *execution {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	s := Run{ID: "run", Options: options.Defaults(), Target: Target{Path: "/mnt", Journal: "/mnt/f/logs.log"}, Log: log}.
		newExecution()
	require.NoError(t, s.ledger.Add(ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 10}}))
	s.activeDeletions = 1
	s.cell.Epochs = []result.Epoch{{Number: 1, DeletionRequestedAt: time.Unix(1, 0), Mount: xfs, BootID: "boot"}}
	s.cell.Reader = &result.JournalRead{
		ScanResult: protocol.ScanResult{Mount: xfs, BootID: "boot", ReadMode: protocol.ReadDirect},
		Judgement:  judge.Judgement{Acknowledged: 10, Intact: 10},
	}
	return s
}

func TestConclude(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*execution)
		err     error
		verdict judge.Verdict
		reason  string
	}{
		"a pass": {
			func(*execution) {}, nil,
			judge.Pass, "All 10 acknowledged records are intact after 1 kill; read by a new process on the same machine",
		},
		"nothing was acknowledged": {
			func(s *execution) { s.ledger = ledger.Ledger{} }, nil,
			judge.Error, "no record was acknowledged: there was nothing to verify",
		},
		"no writer was running": {
			func(s *execution) { s.activeDeletions = 0 }, nil,
			judge.Error, "no writer was running when it was killed: All 10 acknowledged records are intact",
		},
		"the evidence is too weak": {
			func(s *execution) { s.Options.RequiredEvidence = provenance.Remounted }, nil,
			judge.Error, "the evidence level is uncached, but --required-evidence is remounted. Reason: it is unknown whether",
		},
		"a write was refused": {
			func(s *execution) { s.refused = errors.New("no space left on device") }, nil,
			judge.Error, "the chaos ended early: no space left on device. All 10 acknowledged records are intact",
		},
		"the volume failed": {
			func(s *execution) { s.failures.Add(judge.Unavailable, errors.New("hangs")) }, nil,
			judge.Fail, "unavailable (hangs)",
		},
		"a threshold was not checked": {
			func(s *execution) { s.Options.Thresholds.MaxRecovery = time.Second }, nil,
			judge.Error, "a threshold could not be checked: no recovery was observed (MAX_RECOVERY). Apart from that, the " +
				"run passed: All 10",
		},
		"a threshold was not met": {
			func(s *execution) {
				s.Options.Thresholds.MaxRecovery = time.Second
				s.cell.Epochs = append(s.cell.Epochs, result.Epoch{Number: 2, Mount: xfs, FirstAckAt: time.Unix(3, 0)})
			}, nil,
			judge.Fail, "too-slow (the slowest recovery took 2s; the threshold is 1s). All 10 acknowledged records are intact",
		},
		"an error": {func(*execution) {}, errors.New("no helper"), judge.Error, "no helper"},
		"an error after a finding": {
			func(s *execution) { s.failures.Add(judge.ReadOnly, errors.New("EROFS")) }, errors.New("no helper"),
			judge.Fail, "1 writer was killed. The run ended early: no helper",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := verified(t)
			c.change(s)
			s.conclude(t.Context(), c.err)
			assert.Equal(t, c.verdict, s.cell.Verdict)
			assert.Contains(t, s.cell.Reason, c.reason)
		})
	}
}

func TestConclude_NamesTheReasonOfAStop(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	s := verified(t)
	s.conclude(ctx, errors.New("the writer of epoch 1: interrupted"))
	assert.Equal(t, judge.Stopped, s.cell.Verdict)
	assert.Equal(t, "the run was stopped: interrupted", s.cell.Reason)
}

func TestAddExit_OnlyAFailureOfTheVolumeIsAFinding(t *testing.T) {
	for errno, want := range map[syscall.Errno]judge.Verdict{
		syscall.EIO: judge.Pass, syscall.ENOTCONN: judge.Pass, syscall.EROFS: judge.Fail,
	} {
		s := verified(t)
		op := protocol.NewOpError("writing", errno)
		op.Writing = true
		s.cell.Epochs[0].ExitError = &op
		s.addExit(1, &op)
		s.conclude(t.Context(), nil)
		assert.Equal(t, want, s.cell.Verdict, s.cell.Reason)
		require.Len(t, s.cell.Notes, 1)
		assert.Contains(t, s.cell.Notes[0], "writer 1 exited before it was killed: "+op.Error())
	}
}

// helperThatReported returns a helper process that printed the messages.
func helperThatReported(t *testing.T, messages ...protocol.Message) *process {
	t.Helper()
	p := &process{Transcript: transcript.New(t.Context(), &ledger.Ledger{}, func(ledger.Ack) {})}
	for _, m := range messages {
		var line bytes.Buffer
		require.NoError(t, protocol.Write(&line, m))
		_, err := p.Add(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
		require.NoError(t, err)
	}
	return p
}

func TestClassify(t *testing.T) {
	reported := func(errno syscall.Errno) protocol.Message {
		op := protocol.NewOpError("writing", errno)
		op.Writing = true
		return protocol.Message{Error: &op}
	}
	hangs := protocol.Message{Stall: &protocol.Stall{Op: "syncing", Seconds: 5}}
	timeout := fmt.Errorf("waited 20s: %w", context.DeadlineExceeded)
	for name, c := range map[string]struct {
		messages        []protocol.Message
		err             error
		failed, refused bool
		detail          string
	}{
		"read-only":        {[]protocol.Message{reported(syscall.EROFS)}, errors.New("it failed"), true, false, "it failed"},
		"full":             {[]protocol.Message{reported(syscall.ENOSPC)}, errors.New("it failed"), false, true, ""},
		"one failed write": {[]protocol.Message{reported(syscall.EIO)}, errors.New("it failed"), false, true, ""},
		"a hang":           {[]protocol.Message{hangs}, timeout, true, false, "syncing has not returned for 5 s"},
		"a timeout":        {nil, timeout, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := verified(t)
			err := s.classify(t.Context(), c.err, helperThatReported(t, c.messages...))
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.failed, errors.Is(err, errVolume))
			assert.Equal(t, c.refused, s.refused != nil)
			if c.failed {
				assert.Contains(t, s.failures.Findings[0].Detail, c.detail)
			} else {
				assert.Empty(t, s.failures.Findings)
			}
		})
	}
}
