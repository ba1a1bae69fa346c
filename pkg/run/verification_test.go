package run

import (
	"errors"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestJudgeScan_NotesAnotherFilesystem(t *testing.T) {
	c := withAck(t, newTestCell(t))
	nfs := protocol.Mount{FSType: "nfs4", Source: "server:/export"}
	ext4 := protocol.Mount{FSType: "ext4", Source: "/dev/vda"}
	c.result.Epochs = []result.Epoch{{Number: 1, Mount: nfs}, {Number: 2}}
	scan := protocol.ScanResult{ScanReport: journal.ScanReport{Format: c.result.Journal}, Mount: ext4}
	c.result.Epochs[1].InitialRead = judgeScan(c.result, result.Pod{}, scan, c.result.Acks, 1)
	c.verdict().build()
	require.Len(t, c.result.Findings, 1)
	assert.Equal(t, "there is no journal; "+
		"/data/logs.log is on ext4 (/dev/vda), but epoch 1 wrote to nfs4 (server:/export)", c.result.Findings[0].Detail)
	assert.Len(t, c.result.Notes, 1)
}

func TestVerdict_ThresholdsUseTheFiguresOfTheLogs(t *testing.T) {
	histogram := hdrhistogram.New(1, 1000000, 3)
	require.NoError(t, histogram.RecordValue(40_000))
	encoded, err := histogram.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	c := withAck(t, newTestCell(t))
	c.run.Options.Thresholds.MaxCommit = 30 * time.Millisecond
	c.result.Epochs = []result.Epoch{{Number: 1}}
	w := c.newWriter(1)
	w.pod, w.log = &corev1.Pod{}, logOf(t, line(t, protocol.Message{
		CommitStats: &protocol.CommitStats{Count: 1, Records: 1, Histogram: string(encoded)},
	}))
	c.writers = []*writer{w}
	c.result.Reader = readOf(judge.Judgement{Acknowledged: 10, Intact: 10})
	c.result.Reader.ScanResult.Records = 10
	c.recordFigures()
	c.verdict().build()
	assert.Equal(t, judge.Fail, c.result.Verdict, c.result.Reason)
	assert.Contains(t, c.result.Reason, "too-slow (the slowest commit took 40")
	assert.NotContains(t, c.result.Reason, "catastrophic", "the STIG check is about data")
}

func TestConclude_NotesTheVolumesHealth(t *testing.T) {
	c := newTestCell(t)
	c.result.Claim = &result.Claim{Name: "stig-pvc", UID: "c"}
	api := fake.NewClientset(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name: "stig-pvc", Namespace: "stig", UID: "c", Labels: map[string]string{kube.RunLabel: "r"},
		},
		Status: corev1.PersistentVolumeClaimStatus{HealthStatus: &corev1.VolumeHealthStatus{
			HealthConditions: []corev1.VolumeHealthCondition{{Status: corev1.VolumeHealthInaccessible, Reason: "PoolDown"}},
		}},
	})
	client, stop, err := kube.Client{API: api, Namespace: "stig", Timeout: time.Minute, Log: logrus.New()}.
		WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	require.Eventually(t, func() bool { return len(client.VolumeHealth("c")) == 1 }, time.Minute, time.Millisecond)
	c.run.Kube = client
	c.conclude(errors.New("no record was acknowledged in time"))
	require.Len(t, c.result.Notes, 1)
	assert.Contains(t, c.result.Notes[0], "the volume of claim stig-pvc as Inaccessible")
}
