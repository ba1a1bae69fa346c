package orphans

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// podWithJournal returns a pod of a run that created the folder of its journal on a claim.
func podWithJournal(name, claim, journal string) *corev1.Pod {
	p := pod("1", name, nil)
	made := kube.Client{}.NewPod(kube.PodSpec{
		Path: "/data", Image: "i", Claim: claim, Command: []string{"helper", "write"}, JournalInOwnFolder: journal,
		Identity: kube.Identity{User: ptr.To[int64](1234)},
		Settings: kube.PodSettings{PriorityClassName: "high", Labels: map[string]string{"sidecar.istio.io/inject": "false"}},
	})
	p.Spec, p.Annotations = made.Spec, made.Annotations
	maps.Copy(p.Labels, made.Labels)
	return p
}

func TestFind_ListsFoldersOnExistingClaims(t *testing.T) {
	const journal = "/data/volume-durability-0123456789abcdef/logs.log"
	writer := podWithJournal("write-pod", "theirs", journal)
	withoutCommand := podWithJournal("write-pod", "theirs", journal)
	withoutCommand.Spec.Containers[0].Command = nil
	folder := []string{"volume-durability-0123456789abcdef on claim theirs"}
	for name, tc := range map[string]struct {
		pods []*corev1.Pod
		want []string
	}{
		"writer":               {[]*corev1.Pod{writer}, folder},
		"two pods, one folder": {[]*corev1.Pod{writer, podWithJournal("read-pod", "theirs", journal)}, folder},
		"claim of the run":     {[]*corev1.Pod{podWithJournal("write-pod", "stig-pvc", "")}, nil},
		"another folder":       {[]*corev1.Pod{podWithJournal("write-pod", "theirs", "/data/theirs/logs.log")}, nil},
		"emptyDir":             {[]*corev1.Pod{podWithJournal("write-pod", "", journal)}, nil},
		"pod without command":  {[]*corev1.Pod{withoutCommand}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			for _, p := range tc.pods {
				require.NoError(t, client.Tracker().Add(p))
			}
			runs, err := Find(t.Context(), client, "stig", "")
			require.NoError(t, err)
			require.Len(t, runs, 1)
			var folders []string
			for _, o := range runs[0].Objects {
				if o.Kind == "folder" {
					folders = append(folders, o.Name)
				}
			}
			assert.Equal(t, tc.want, folders)
			for _, f := range runs[0].folders {
				assert.Equal(t, []string{"helper", "remove", "--file", journal}, f.remover.Command)
				assert.Equal(t, "/data", f.remover.Path)
				assert.Equal(t, "high", f.remover.Settings.PriorityClassName)
				assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "false"}, f.remover.Settings.Labels)
				assert.Equal(t, int64(1234), *f.remover.Identity.User, "another user may not remove the folder")
			}
		})
	}
}
