package run

import (
	"errors"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/journal"
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
