package orphans

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

func pod(run, name string, labels map[string]string, owners ...metav1.OwnerReference) *corev1.Pod {
	all := map[string]string{kube.RunLabel: run}
	for k, v := range labels {
		all[k] = v
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: name, Labels: all, OwnerReferences: owners},
	}
}

func job(uid string, ended bool) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "litmus", Name: "job-" + uid, UID: types.UID(uid)}}
	if ended {
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	}
	return j
}

func TestFind_StateFollowsJob(t *testing.T) {
	engine := metav1.OwnerReference{Kind: "ChaosEngine", Name: "engine"}
	objects := []runtime.Object{
		job("runs", false),
		job("ended", true),
		pod("1", "write-1", map[string]string{kube.JobLabel: "runs"}, engine),
		pod("2", "write-2", map[string]string{kube.JobLabel: "ended"}, engine),
		pod("3", "write-3", map[string]string{kube.JobLabel: "gone", kube.ChaosUIDLabel: "u"}),
		pod("4", "write-4", map[string]string{kube.HostLabel: "laptop", kube.KeepLabel: "true"}),
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "not-of-a-run"}},
		&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "stig",
				Name:      "claim-4",
				Labels:    map[string]string{kube.RunLabel: "4", kube.HostLabel: "laptop"},
			},
		},
	}
	runs, err := Find(t.Context(), fake.NewClientset(objects...), "stig", "")
	require.NoError(t, err)
	require.Len(t, runs, 4)
	var states []State
	var owners []string
	for _, r := range runs {
		states, owners = append(states, r.State), append(owners, r.StartedBy)
	}
	assert.Equal(t, []State{Running, Ended, Ended, Unknown}, states)
	assert.Equal(t,
		[]string{"ChaosEngine engine", "ChaosEngine engine", "ChaosEngine in another namespace", "user on laptop"},
		owners)
	assert.Equal(t, "Job litmus/job-runs is running", runs[0].Reason)
	assert.True(t, runs[3].Kept)
	assert.Len(t, runs[3].Objects, 2)

	for _, r := range runs {
		assert.Empty(t, r.folders)
	}

	one, err := Find(t.Context(), fake.NewClientset(objects...), "", "2")
	require.NoError(t, err)
	require.Len(t, one, 1)
	assert.Equal(t, "write-2", one[0].Objects[0].Name)
}
