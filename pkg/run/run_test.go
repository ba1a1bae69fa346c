package run

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func node(labels map[string]string) corev1.Node {
	return corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
}

func TestOnlyPositiveEvidenceOfSwarmCounts(t *testing.T) {
	swarm := node(map[string]string{swarmLabel: "true"})
	both := node(map[string]string{swarmLabel: "true", kubernetesLabel: "true"})
	notKubernetes := node(map[string]string{swarmLabel: "true", kubernetesLabel: "false"})
	unlabelled := node(nil)
	assert.True(t, OnlySwarm([]corev1.Node{swarm, notKubernetes}))
	assert.False(t, OnlySwarm([]corev1.Node{swarm, both}))
	assert.False(t, OnlySwarm([]corev1.Node{swarm, unlabelled}), "a missing label proves nothing")
	assert.False(t, OnlySwarm(nil), "no nodes prove nothing")
}

func someCell(t *testing.T) *cell {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	return newCell(Run{ID: "run", Settings: options.Defaults(), Log: log}, options.Defaults().Cells(nil)[0])
}

func promised(t *testing.T, c *cell) *cell {
	t.Helper()
	require.NoError(t, c.ledger.Record(ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 10}}))
	c.Acks = c.ledger.Acks()
	return c
}

func TestWhoseFailureItIs(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 5}})
	back := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 7, Over: true}})
	late := fmt.Errorf("waited: %w", context.DeadlineExceeded)
	write := protocol.NewOpError("writing", syscall.EIO)
	write.Writing = true
	for name, f := range map[string]struct {
		err   error
		heard []string
		want  judge.Class
	}{
		"read-only":                              {protocol.NewOpError("opening", syscall.EROFS), nil, judge.ReadOnly},
		"it cannot be read":                      {protocol.NewOpError("reading", syscall.EIO), nil, judge.Unavailable},
		"it is gone":                             {protocol.NewOpError("opening", syscall.ENOTCONN), nil, judge.Unavailable},
		"it is full":                             {protocol.NewOpError("writing", syscall.ENOSPC), nil, ""},
		"a write failed":                         {write, nil, ""},
		"late, and the pod waits for the volume": {late, []string{stalled}, judge.Unavailable},
		"late, and it had answered again":        {late, []string{stalled, back}, ""},
		"late, for whatever reason":              {late, nil, ""},
		"the API server took too long":           {fmt.Errorf("creating pod: %w", errors.Join(context.DeadlineExceeded, syscall.ETIMEDOUT)), nil, ""},
		"the volume was not mounted":             {&kube.PodUnready{Volume: true, Err: context.DeadlineExceeded}, nil, judge.Unavailable},
		"the pod did not start":                  {&kube.PodUnready{Volume: false, Err: context.DeadlineExceeded}, nil, ""},
		"it said nothing":                        {errSilent, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := promised(t, someCell(t))
			err := c.blame(t.Context(), f.err, heardFrom(t, f.heard...))
			require.ErrorIs(t, err, f.err)
			if f.want == "" {
				assert.NotErrorIs(t, err, errLetDown, "it is no fault of the volume's")
				assert.Empty(t, c.letDown)
				return
			}
			assert.ErrorIs(t, err, errLetDown)
			assert.Equal(t, f.want, c.letDown[0].Class)
		})
	}
}

// A check that does not apply needs positive evidence, and the result has it: an
// assessor's status rests on it.
func TestHowTheOrchestratorWasDeterminedIsInTheResult(t *testing.T) {
	for name, c := range map[string]struct {
		stated  options.Orchestrator
		node    corev1.Node
		verdict judge.Verdict
		how     string
		status  assessment.Status
	}{
		"stated":       {options.Swarm, node(nil), judge.NotApplicable, "Swarm: the input ORCHESTRATOR states it", assessment.NotApplicable},
		"labelled":     {options.Auto, node(map[string]string{swarmLabel: "true"}), judge.NotApplicable, "Swarm: every node carries the label " + swarmLabel + "=true, and none " + kubernetesLabel + "=true", assessment.NotApplicable},
		"not labelled": {options.Auto, node(nil), judge.Error, "Kubernetes: no labels of the nodes state that Swarm orchestrates on all of them", assessment.NotReviewed},
		"no Swarm":     {options.Kubernetes, node(map[string]string{swarmLabel: "true"}), judge.Error, "Kubernetes: the input ORCHESTRATOR states it", assessment.NotReviewed},
	} {
		t.Run(name, func(t *testing.T) {
			log := logrus.New()
			log.SetOutput(t.Output())
			settings := options.Defaults()
			settings.Orchestrator = c.stated
			// Where the check applies the run ends for want of a namespace.
			ns := kube.Client{API: fake.NewClientset(&c.node), Namespace: "stig", Timeout: time.Minute, Log: log}
			result, err := Run{ID: "run", Settings: settings, Hooks: &audience{}, Log: log, Kube: ns}.Execute(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.verdict, result.Verdict)
			assert.Equal(t, c.how, result.Cluster.Orchestrator)
			to, err := rule.Find(rule.Default)
			require.NoError(t, err)
			assert.Equal(t, c.status, assessment.Assess(result, to, assessment.Context{}).Status)
		})
	}
}

func TestAFirstAcknowledgementThatCouldNotBeHeardIsSaidToBeLate(t *testing.T) {
	ack := line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 2, Seq: 1}}})
	late := func(h *hearing, by time.Duration) { // as if the log had been shut so long ago
		h.opened(false)
		h.shut = h.shut.Add(-by)
		h.opened(true)
	}
	c := promised(t, someCell(t))
	c.Epochs = []result.Epoch{{Number: 1}, {Number: 2}}
	h := heardFrom(t)
	late(h, 7*time.Second)
	h.ledger = &c.ledger
	h.hear([]byte(ack))
	late(h, time.Hour) // of no matter any more
	c.writer = &writer{hearing: h, pod: &corev1.Pod{}}
	require.NoError(t, c.firstAck(t.Context(), c.Acks))
	assert.Equal(t, []string{"the log of the writer of epoch 2 could not be read for 7s before its first acknowledgement was heard: the time of that may hold it"}, c.Notes)
}

// A kubelet begins to answer when the pod has said something: until then there was
// nothing to read.
func TestALogThatHadNothingToSayWasNotMissed(t *testing.T) {
	h := heardFrom(t)
	h.open, h.failed, h.shut = false, false, time.Now().Add(-7*time.Second)
	h.opened(true)
	assert.Zero(t, h.missed())

	h.open, h.failed, h.shut = false, false, time.Now().Add(-7*time.Second)
	h.opened(false) // it could not be had
	h.opened(true)
	assert.Equal(t, 7*time.Second, h.missed().Round(time.Second))
}

// An API server that is away, or a kubelet, is not the volume, though the volume was
// slow when it was last heard of.
func TestAPodThatCannotBeHeardBlamesNobody(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}})
	late := fmt.Errorf("waited 20s for the API server: %w", context.DeadlineExceeded)
	c := promised(t, someCell(t))
	h := heardFrom(t, stalled)
	h.opened(false)
	c.writer = &writer{hearing: h, pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod"}}}
	assert.NotErrorIs(t, c.held(t.Context(), late), errLetDown, "it could not even be deleted")
	assert.NotErrorIs(t, c.blame(t.Context(), late, h), errLetDown)
	assert.Empty(t, c.letDown)
	h.opened(true)
	assert.ErrorIs(t, c.blame(t.Context(), late, h), errLetDown, "it is heard again, and has said nothing else")
}

// What merely takes too long is nobody's broken promise.
func TestAVolumeThatIsSlowAndAnswersIsNotBlamed(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 5}})
	back := line(t, protocol.Message{Stall: &protocol.Stall{Op: "reading /data/logs.log", Seconds: 7, Over: true}})
	late := fmt.Errorf("waited 300s for the journal to be read: %w", context.DeadlineExceeded)
	c := promised(t, someCell(t))
	h := heardFrom(t, stalled, back, stalled)
	assert.NotErrorIs(t, c.blame(t.Context(), late, h), errLetDown, "it took longer before, and came back")
	h.began = h.began.Add(-time.Minute)
	assert.ErrorIs(t, c.blame(t.Context(), late, h), errLetDown, "it never took that long")
}

func TestWhatWasFoundIsFoundWhateverComesAfterwards(t *testing.T) {
	lost := judge.Judgement{Acknowledged: 10, Findings: []judge.Finding{{Class: judge.LostTail, Epoch: 1, First: 10, Last: 10, Records: 1}}}
	for _, after := range []error{errors.New("quota exceeded"), fmt.Errorf("%w: terminated", errStopped)} {
		c := promised(t, someCell(t))
		c.Epochs = []result.Epoch{{Number: 1}, {Number: 2, InitialRead: look(lost)}}
		c.conclude(after)
		assert.Equal(t, judge.Fail, c.Verdict)
		assert.Contains(t, c.Reason, "lost-tail: 1 acknowledged record")
		assert.Contains(t, c.Reason, after.Error())
	}
}

func TestWithoutAWriterAtWorkNothingWasTried(t *testing.T) {
	c := promised(t, someCell(t))
	c.Epochs = []result.Epoch{{Number: 1, Deleting: time.Unix(1, 0)}}
	c.strikes(&writer{hearing: heardFrom(t, line(t, protocol.Message{Error: &protocol.OpError{Op: "writing", Cause: "no space"}}))}, 1)
	c.Reader = look(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.judge()
	assert.Equal(t, judge.Error, c.Verdict)

	c.NotShown = nil
	c.strikes(&writer{hearing: heardFrom(t)}, 1)
	c.judge()
	assert.Equal(t, judge.Pass, c.Verdict)
}

func TestAContainerThatOutlivesItsPodIsNotWaitedForWithoutEnd(t *testing.T) {
	stalled := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}})
	back := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 3600, Over: true}})
	for _, lines := range [][]string{{stalled}, {stalled, back, stalled}, nil} {
		c := promised(t, someCell(t))
		c.Settings.StatusTimeout = time.Nanosecond
		h := heardFrom(t, lines...)
		h.closed = make(chan struct{})
		h.hangUp = func() {
			h.opened(false)
			close(h.closed)
		}
		err := c.hearOut(t.Context(), &writer{hearing: h}, 1)
		if lines != nil {
			assert.ErrorIs(t, err, errLetDown)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, c.Notes, 1)
	}
}

func TestAVolumeThatRefusesAWriterBreaksNoPromise(t *testing.T) {
	c := promised(t, someCell(t))
	c.cutShort = c.blame(t.Context(), protocol.NewOpError("writing", syscall.ENOSPC), nil)
	require.ErrorIs(t, c.cutShort, errRefused)
	c.Reader = look(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.judge()
	assert.Equal(t, judge.Error, c.Verdict, "the chaos was not carried out")
	assert.Contains(t, c.Reason, "no space left on device")
	assert.Contains(t, c.Reason, "10 acknowledged records verified")

	c.Findings, c.Reader = nil, look(judge.Judgement{Acknowledged: 10, Findings: []judge.Finding{{Class: judge.LostTail, Epoch: 1, First: 10, Last: 10, Records: 1}}})
	c.judge()
	assert.Equal(t, judge.Fail, c.Verdict, "what is lost is lost all the same")
}

func TestAWriterThatHadEndedByItselfIsNoted(t *testing.T) {
	for _, f := range []struct {
		errno syscall.Errno
		want  []judge.Finding
	}{
		{syscall.EIO, nil},
		{syscall.ENOSPC, nil},
		{syscall.EROFS, []judge.Finding{{Class: judge.ReadOnly, Detail: "writing: read-only file system"}}},
		{syscall.ESTALE, []judge.Finding{{Class: judge.Unavailable, Detail: "writing: " + syscall.ESTALE.Error()}}},
	} {
		c := promised(t, someCell(t))
		c.Epochs = []result.Epoch{{Number: 1}}
		problem := protocol.NewOpError("writing", f.errno)
		problem.Writing = true
		c.endedItself(&c.Epochs[0], &problem)
		c.Reader = look(judge.Judgement{Acknowledged: 10, Intact: 10})
		c.judge()
		assert.Equal(t, f.want, c.Findings)
		assert.Contains(t, c.Reason, "Note: the writer of epoch 1 had ended by itself: writing: "+f.errno.Error())
	}
}

func TestAWriterThatTheVolumeHoldsIsTheVolumesFailure(t *testing.T) {
	timeout := fmt.Errorf("waited 20s for pod stig/write-pod to be gone: %w", context.DeadlineExceeded)
	held := func(lines ...string) *cell {
		c := promised(t, someCell(t))
		c.writer = &writer{hearing: heardFrom(t, lines...), pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod"}}}
		return c
	}
	stall := line(t, protocol.Message{Stall: &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}})
	ack := line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 11}}})

	c := held(stall)
	require.ErrorIs(t, c.held(t.Context(), timeout), errLetDown)
	require.ErrorIs(t, c.Delete(t.Context()), errLetDown, "it is not tried again")
	c.judge()
	assert.Equal(t, judge.Fail, c.Verdict)
	assert.Contains(t, c.Reason, "unavailable (pod write-pod cannot end: syncing /data/logs.log has not come back for 5 s: waited 20s")

	assert.NotErrorIs(t, held().held(t.Context(), timeout), errLetDown, "nobody knows why it does not end")
	assert.NotErrorIs(t, held(stall, ack).held(t.Context(), timeout), errLetDown, "the volume had answered again")
	assert.NotErrorIs(t, held(stall).held(t.Context(), errors.New("forbidden")), errLetDown)
}

func TestWithoutAReaderThereIsNoPass(t *testing.T) {
	c := promised(t, someCell(t))
	c.judge()
	assert.Equal(t, judge.Error, c.Verdict)
}

func TestAPathThatIsNotTheVolumeAnyMoreIsSaid(t *testing.T) {
	c := promised(t, someCell(t))
	c.Epochs = []result.Epoch{{Number: 1, Mount: protocol.Mount{FSType: "nfs4", Source: "server:/export"}}, {Number: 2}}
	seen := protocol.ScanResult{Report: journal.Report{Format: c.Journal}, Mount: protocol.Mount{FSType: "ext4", Source: "/dev/vda"}}
	c.Epochs[1].InitialRead = c.look(result.Pod{}, seen, c.Acks, 1)
	c.judge()
	require.Len(t, c.Findings, 1)
	assert.Equal(t, "there is no journal; /data/logs.log is on ext4 (/dev/vda), epoch 1 wrote to nfs4 (server:/export)", c.Findings[0].Detail)
	assert.Len(t, c.Notes, 1)
}

func TestWithoutAPromiseNoneIsBroken(t *testing.T) {
	c := someCell(t)
	err := c.blame(t.Context(), protocol.NewOpError("opening", syscall.EROFS), nil)
	assert.NotErrorIs(t, err, errLetDown)
	assert.Empty(t, c.letDown)
}

func TestAStoppedRunBlamesNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.NotErrorIs(t, promised(t, someCell(t)).blame(ctx, context.DeadlineExceeded, nil), errLetDown)
}

func TestWhereTheReaderRuns(t *testing.T) {
	for setting, want := range map[options.ReaderNode]kube.Placement{
		options.AnyNode:   {},
		options.SameNode:  {On: "n1"},
		options.OtherNode: {NotOn: "n1"},
		"n7":              {On: "n7"},
	} {
		c := someCell(t)
		c.Plan.ReaderNode = setting
		c.Epochs = []result.Epoch{{Pod: result.Pod{Node: "n2"}}, {Pod: result.Pod{Node: "n1"}}}
		assert.Equal(t, want, c.placement(), setting)
	}
}

func look(j judge.Judgement) *result.JournalRead { return &result.JournalRead{Judgement: j} }

func TestTheVerdictOfACell(t *testing.T) {
	lost := judge.Judgement{Acknowledged: 10, Findings: []judge.Finding{{Class: judge.LostTail, Records: 1}}}
	good := judge.Judgement{Acknowledged: 10, Intact: 10}

	t.Run("everything was there", func(t *testing.T) {
		c := promised(t, someCell(t))
		c.Reader = look(good)
		c.judge()
		assert.Equal(t, judge.Pass, c.Verdict)
	})
	t.Run("the reader found a loss", func(t *testing.T) {
		c := promised(t, someCell(t))
		c.Reader = look(lost)
		c.judge()
		assert.Equal(t, judge.Fail, c.Verdict)
	})
	t.Run("an earlier pod found a loss that the reader did not", func(t *testing.T) {
		c := promised(t, someCell(t))
		c.Epochs = []result.Epoch{{InitialRead: look(lost)}}
		c.Reader = look(good)
		c.judge()
		assert.Equal(t, judge.Fail, c.Verdict)
	})
	t.Run("the volume let the reader down", func(t *testing.T) {
		c := promised(t, someCell(t))
		c.letDown = []judge.Finding{{Class: judge.Unavailable}}
		c.judge()
		assert.Equal(t, judge.Fail, c.Verdict)
	})
	t.Run("nothing was at stake", func(t *testing.T) {
		c := someCell(t)
		c.Reader = look(judge.Judgement{})
		c.judge()
		assert.Equal(t, judge.Error, c.Verdict)
	})
}

func TestWhatEndsARunEarly(t *testing.T) {
	c := someCell(t)
	c.conclude(fmt.Errorf("before the chaos: %w", errors.New("no such class")))
	assert.Equal(t, judge.Error, c.Verdict)
	assert.Equal(t, "before the chaos: no such class", c.Reason)

	c = someCell(t)
	c.conclude(fmt.Errorf("%w: terminated", errStopped))
	assert.Equal(t, judge.Stopped, c.Verdict)

	c = someCell(t)
	c.letDown = []judge.Finding{{Class: judge.Unavailable}}
	c.judge()
	c.conclude(errors.New("a probe could not run"))
	assert.Equal(t, judge.Fail, c.Verdict, "a finding stays a finding")
}

func cellsOf(verdicts ...judge.Verdict) []result.Cell {
	var cells []result.Cell
	for i, v := range verdicts {
		cells = append(cells, result.Cell{Plan: options.CellSpec{Name: fmt.Sprintf("class-%d", i)}, Verdict: v, Reason: "because"})
	}
	return cells
}

func controlThat(verdict judge.Verdict, findings ...judge.Finding) result.Cell {
	return result.Cell{Plan: options.CellSpec{Name: options.ControlName, Control: true}, Verdict: verdict, Findings: findings}
}

func TestTheVerdictOfARun(t *testing.T) {
	const pass, fail, unknown, stopped, skipped = judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.Skipped
	forgot := controlThat(fail, judge.Finding{Class: judge.Missing, Records: 9})
	stop, probe := fmt.Errorf("%w: terminated", errStopped), hookErr(errors.New("a probe could not run"))
	for name, c := range map[string]struct {
		cells []result.Cell
		ended error
		want  judge.Verdict
	}{
		"all kept":                         {cellsOf(pass, pass), nil, pass},
		"one lost":                         {cellsOf(pass, fail, unknown, skipped), nil, fail},
		"one not known":                    {cellsOf(pass, unknown), nil, unknown},
		"one skipped":                      {cellsOf(pass, skipped), nil, pass},
		"all skipped":                      {cellsOf(skipped, skipped), nil, unknown},
		"nothing":                          {nil, nil, unknown},
		"one stopped":                      {cellsOf(pass, stopped), nil, stopped},
		"stopped after the verdicts":       {cellsOf(pass), stop, stopped},
		"stopped, and lost":                {cellsOf(fail, stopped), stop, fail},
		"a probe failed after the verdict": {cellsOf(pass), probe, unknown},
		"a probe failed after a loss":      {cellsOf(fail), probe, fail},
		"the control lost":                 {append(cellsOf(pass), forgot), nil, pass},
		"the control kept":                 {append(cellsOf(pass), controlThat(pass)), nil, unknown},
		"the control was not established":  {append(cellsOf(pass), controlThat(unknown)), nil, unknown},
		"the control lost next to nothing": {append(cellsOf(pass), controlThat(fail, judge.Finding{Class: judge.LostTail, Records: 1})), nil, unknown},
		"the control kept, and one lost":   {append(cellsOf(fail), controlThat(pass)), nil, fail},
	} {
		t.Run(name, func(t *testing.T) {
			verdict, reason := sum(c.cells, c.ended)
			assert.Equal(t, c.want, verdict)
			assert.NotEmpty(t, reason)
		})
	}
}

func TestTheReasonOfSeveralCells(t *testing.T) {
	cells := append(cellsOf(judge.Pass, judge.Fail, judge.Skipped), controlThat(judge.Fail, judge.Finding{Class: judge.Missing, Records: 9}))
	_, reason := sum(cells, nil)
	assert.Equal(t, "1 of 3 cells kept their data. 1 lost: class-1 (because). 1 skipped: class-2. The negative control lost its data, as it must, and that was seen", reason)
}

func TestAStoppedControlSpeaksNotAgainstTheCluster(t *testing.T) {
	stop := fmt.Errorf("%w: interrupt signal received", errStopped)
	for name, c := range map[string]struct {
		cells []result.Cell
		says  string
	}{
		"one":           {cellsOf(judge.Stopped), "the run was stopped: interrupt signal received"},
		"several":       {cellsOf(judge.Stopped, judge.Pass), "1 of 2 cells kept their data"},
		"one lost":      {cellsOf(judge.Fail), "negative control was stopped before its loss could be seen"},
		"several, lost": {cellsOf(judge.Fail, judge.Stopped), "negative control was stopped before its loss could be seen"},
	} {
		_, reason := sum(append(c.cells, controlThat(judge.Stopped)), stop)
		assert.Contains(t, reason, c.says, name)
		assert.NotContains(t, reason, "cannot be believed", name)
	}
}

func TestAControlThatCameToNoVerdictIsNoNewsWhereNoCellDid(t *testing.T) {
	_, reason := sum(append(cellsOf(judge.Error), controlThat(judge.Error)), nil)
	assert.Equal(t, "because. The negative control came to no verdict either", reason)
	_, reason = sum(append(cellsOf(judge.Error, judge.Skipped), controlThat(judge.Error)), nil)
	assert.Equal(t, "0 of 2 cells kept their data. 1 not established: class-0 (because). 1 skipped: class-1. The negative control came to no verdict either", reason)
	for _, other := range []judge.Verdict{judge.Pass, judge.Fail} {
		_, reason := sum(append(cellsOf(other), controlThat(judge.Error)), nil)
		assert.Contains(t, reason, "cannot be believed (Error: ", other)
		assert.Contains(t, reason, "because", other)
	}
}

func TestWhatTheClusterCannotDoIsSkipped(t *testing.T) {
	c := someCell(t)
	c.conclude(fmt.Errorf("before the chaos: %w", &kube.Unsupported{Object: "claim stig/stig-pvc", Said: "code = InvalidArgument"}))
	assert.Equal(t, judge.Skipped, c.Verdict)
	verdict, reason := sum([]result.Cell{c.Cell}, nil)
	assert.Equal(t, judge.Error, verdict, "it is all that was asked for")
	assert.Contains(t, reason, "InvalidArgument")
}

func TestAWriterThatCannotComeBackIsNotSkipped(t *testing.T) {
	bound := &kube.Unsupported{Object: "pod stig/write-pod", Said: "didn't match PersistentVolume's node affinity"}
	for name, f := range map[string]struct {
		err    error
		reader options.ReaderNode
		want   judge.Verdict
	}{
		"the writer":               {bound, options.OtherNode, judge.Error},
		"the reader, on any node":  {fmt.Errorf("%w: %w", errElsewhere, bound), options.AnyNode, judge.Error},
		"the reader, on the other": {fmt.Errorf("%w: %w", errElsewhere, bound), options.OtherNode, judge.Skipped},
	} {
		c := promised(t, someCell(t))
		c.Plan.ReaderNode = f.reader
		c.Epochs = []result.Epoch{{Number: 1, Pod: result.Pod{Node: "n1"}}}
		c.conclude(f.err)
		assert.Equal(t, f.want, c.Verdict, name)
	}
}

func TestEvidenceBelowWhatIsRequiredIsNoPass(t *testing.T) {
	c := promised(t, someCell(t))
	c.Settings.RequiredEvidence = provenance.Remounted
	c.Provenance = provenance.History{Level: provenance.Uncached, NotReached: "nobody saw it unmounted"}
	c.Reader = look(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.judge()
	assert.Equal(t, judge.Error, c.Verdict)
	assert.Contains(t, c.Reason, "uncached, below the remounted")
	assert.Contains(t, c.Reason, "nobody saw it unmounted")
	c.Provenance.Level = provenance.Reattached
	c.judge()
	assert.Equal(t, judge.Pass, c.Verdict)
}

func TestTheSTIGChecksOwnWords(t *testing.T) {
	sighting := func(records uint64) *result.JournalRead {
		return &result.JournalRead{ScanResult: protocol.ScanResult{Report: journal.Report{Records: records}}, Judgement: judge.Judgement{Acknowledged: 10}}
	}
	c := promised(t, someCell(t))
	c.Reader = sighting(10)
	c.judge()
	assert.Contains(t, c.Reason, "V-260932: log data is present")
	assert.NotContains(t, c.Reason, STIGFix)

	c = promised(t, someCell(t))
	c.Reader = sighting(0)
	c.Reader.Judgement.Findings = []judge.Finding{{Class: judge.Missing}}
	c.judge()
	assert.Contains(t, c.Reason, "V-260932: there is no log data, this is a finding. "+STIGFix)

	c = promised(t, someCell(t))
	c.Settings.Namespace = "elsewhere"
	c.Reader = sighting(10)
	c.judge()
	assert.NotContains(t, c.Reason, "V-260932")
}

func heardFrom(t *testing.T, lines ...string) *hearing {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	h := &hearing{ledger: &ledger.Ledger{}, tell: func(ledger.Ack) {}, log: log, seen: make(chan struct{}), shut: time.Now()}
	h.over, h.end = context.WithCancelCause(t.Context())
	h.opened(true)
	for _, line := range lines {
		h.hear([]byte(line))
	}
	return h
}

func line(t *testing.T, s protocol.Message) string {
	t.Helper()
	var out lineWriter
	require.NoError(t, protocol.Write(&out, s))
	return string(out[:len(out)-1])
}

type lineWriter []byte

func (w *lineWriter) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}

func TestWhatIsSaidAgainIsNoNews(t *testing.T) {
	var lines []string
	for _, seq := range []uint64{1, 2, 5, 2, 5, 6} { // the log was taken up again after 5
		lines = append(lines, line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 1, Seq: seq}}}))
	}
	_, acks, _ := heardFrom(t, lines...).told()
	var said []uint64
	for _, a := range acks {
		said = append(said, a.Seq)
	}
	assert.Equal(t, []uint64{1, 2, 5, 6}, said)
}

func TestWhatIsHeardOfAPod(t *testing.T) {
	ack := ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 5}, Digest: 7}
	h := heardFrom(t,
		line(t, protocol.Message{ScanResult: &protocol.ScanResult{}}),
		line(t, protocol.Message{Ack: &ack}),
		line(t, protocol.Message{Ack: &ack})[3:],
		"something else entirely")
	require.NoError(t, h.awaitAck(t.Context(), 1))
	assert.Equal(t, []ledger.Ack{ack}, h.ledger.Acks())
	_, err := h.awaitScan(t.Context())
	require.NoError(t, err)
	assert.NoError(t, h.over.Err(), "what is no statement ends nothing")
}

func TestAProblemEndsTheWait(t *testing.T) {
	h := heardFrom(t, line(t, protocol.Message{Error: &protocol.OpError{Op: "opening", Cause: "no", Errno: syscall.EROFS}}))
	assert.ErrorIs(t, h.awaitAck(t.Context(), 1), syscall.EROFS)
	_, err := h.awaitScan(t.Context())
	assert.ErrorIs(t, err, syscall.EROFS)
}

func TestContradictingAcknowledgementsEndTheWait(t *testing.T) {
	ack := func(digest uint32) string {
		return line(t, protocol.Message{Ack: &ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 5}, Digest: digest}})
	}
	h := heardFrom(t, ack(1), ack(2))
	assert.ErrorContains(t, h.awaitAck(t.Context(), 2), "contradict")
	assert.ErrorContains(t, h.contradicted(), "contradict", "no verdict can rest on it")
}

// All that is done after a run was stopped has one time to do it in.
func TestWhatIsLeftToDoEndsSomeTimeAfterTheRunWasStopped(t *testing.T) {
	running, stop := context.WithCancel(t.Context())
	leave, left := WithCleanupTimeout(running, time.Millisecond)
	defer left()
	step, done := Run{Settings: options.Defaults()}.removing(leave)
	defer done()
	require.NoError(t, step.Err())
	stop()
	<-step.Done()
	assert.ErrorContains(t, context.Cause(step), "after the run was stopped")

	leave, left = WithCleanupTimeout(t.Context(), time.Hour)
	left()
	assert.ErrorIs(t, leave.Err(), context.Canceled, "nothing is left of it")
}

func TestAllAttemptsOfAJobUseOneFolder(t *testing.T) {
	file := func(id string, labels map[string]string) string {
		r := Run{ID: id, Log: logrus.New(), Kube: kube.Client{Labels: labels}, Settings: options.Defaults()}
		return newCell(r, options.CellSpec{ExistingClaim: "theirs"}).File
	}
	job := map[string]string{kube.JobLabel: "job"}
	assert.Regexp(t, `^/data/volume-durability-[0-9a-f]{16}/logs\.log$`, file("one", job))
	assert.Equal(t, file("one", job), file("two", job))
	assert.NotEqual(t, file("one", nil), file("two", nil))
}

func TestALongSilenceBeforeADeletionIsSaid(t *testing.T) {
	for rate, silence := range map[float64]time.Duration{100: 11 * time.Second, 0: 11 * time.Second, 0.01: 111 * time.Second} {
		c := promised(t, someCell(t))
		c.Settings.WriteRate = rate
		h := heardFrom(t)
		h.last = time.Now().Add(-silence)
		c.strikes(&writer{hearing: h}, 1)
		require.Len(t, c.Notes, 1, rate)
		assert.Contains(t, c.Notes[0], fmt.Sprintf("nothing was heard of the writer of epoch 1 in the %s before its deletion", silence))
	}
}
