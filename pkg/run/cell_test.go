package run

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func newTestCell(t *testing.T) *cell {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	return newCell(Run{ID: "run", Options: options.Defaults(), Log: log}, options.Defaults().Cells(nil)[0])
}

func withAck(t *testing.T, c *cell) *cell {
	t.Helper()
	require.NoError(t, c.ledger.Add(ledger.Ack{Point: journal.Point{Epoch: 1, Seq: 10}}))
	c.result.Acks = c.ledger.Acks()
	return c
}

// deletionHooks counts the deletions.
type deletionHooks struct {
	Hooks
	deletions int
}

func (h *deletionHooks) BeforeDeletion(options.CellSpec, result.Pod) { h.deletions++ }

func TestDelete_DoesNotTryAgainIfTheVolumePreventsIt(t *testing.T) {
	c, hooks := withAck(t, newTestCell(t)), &deletionHooks{}
	c.run.Hooks = hooks
	api := fake.NewClientset()
	api.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, context.DeadlineExceeded
	})
	c.run.Kube = kube.Client{API: api, Namespace: "stig", Timeout: time.Nanosecond, Log: c.run.Log}
	c.result.Epochs = []result.Epoch{{Number: 1}}
	c.writer = c.newWriter(1)
	c.writer.pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod"}}
	stall := &protocol.Stall{Op: "syncing /data/logs.log", Seconds: 5}
	c.writer.log = logOf(t, line(t, protocol.Message{Stall: stall}))
	for range 2 {
		require.ErrorIs(t, c.Delete(t.Context()), errVolumeFailed)
	}
	assert.Equal(t, 1, hooks.deletions)
	assert.Equal(t, 1, c.activeDeletions)
	c.verdict().build()
	assert.Equal(t, judge.Fail, c.result.Verdict)
	assert.Contains(t, c.result.Reason, fmt.Sprintf("unavailable (pod write-pod cannot be deleted: %s: ", stall))
}

func TestNewCell_AllAttemptsOfAJobUseOneFolder(t *testing.T) {
	file := func(id string, labels map[string]string) string {
		r := Run{ID: id, Log: logrus.New(), Kube: kube.Client{Labels: labels}, Options: options.Defaults()}
		return newCell(r, options.CellSpec{ExistingClaim: "theirs"}).result.JournalFile
	}
	job := map[string]string{kube.JobLabel: "job"}
	assert.Regexp(t, `^/data/volume-durability-[0-9a-f]{16}/logs\.log$`, file("one", job))
	assert.Equal(t, file("one", job), file("two", job))
	assert.NotEqual(t, file("one", nil), file("two", nil))
}

func TestCreateClaim_RejectsAnExistingClaimThatIsLost(t *testing.T) {
	lost := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "theirs"}}
	lost.Status.Phase = corev1.ClaimLost
	r := Run{ID: "run", Options: options.Defaults(), Log: logrus.New()}
	r.Kube = kube.Client{API: fake.NewClientset(lost), Namespace: "stig", Timeout: time.Minute, Log: r.Log}
	c := newCell(r, options.CellSpec{VolumeSource: options.Claim, ExistingClaim: "theirs"})
	assert.ErrorContains(t, c.createClaim(t.Context()),
		"claim theirs is Lost: its PersistentVolume no longer exists. To fix this: use a claim that has a volume")
}
