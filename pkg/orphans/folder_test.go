package orphans

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// podWithFile returns a pod of a run that works on a file on a claim.
func podWithFile(name, claim, file string) *corev1.Pod {
	p := pod("1", name, nil)
	p.Spec = kube.Client{}.Pod(
		kube.PodSpec{
			Path:    "/data",
			Image:   "i",
			Claim:   claim,
			Command: []string{"helper", "write", "--file", file, "--epoch", "1"},
		},
	).Spec
	return p
}

func TestFind_ListsFoldersOnExistingClaims(t *testing.T) {
	const ours = "/data/volume-durability-0123456789abcdef/logs.log"
	for name, tc := range map[string]struct {
		pods []*corev1.Pod
		want []string
	}{
		"writer":               {[]*corev1.Pod{podWithFile("write-pod", "theirs", ours)}, []string{"volume-durability-0123456789abcdef on claim theirs"}},
		"two pods, one folder": {[]*corev1.Pod{podWithFile("write-pod", "theirs", ours), podWithFile("read-pod", "theirs", ours)}, []string{"volume-durability-0123456789abcdef on claim theirs"}},
		"claim of the run":     {[]*corev1.Pod{podWithFile("write-pod", "stig-pvc", "/data/logs.log")}, nil},
		"emptyDir":             {[]*corev1.Pod{podWithFile("write-pod", "", ours)}, nil},
		"pod without command":  {[]*corev1.Pod{pod("1", "write-pod", nil)}, nil},
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
				assert.Equal(t, []string{"helper", "remove", "--file", ours}, f.remover.Command)
			}
		})
	}
}
