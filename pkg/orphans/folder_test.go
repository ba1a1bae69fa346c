package orphans

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// at is a pod of a run that works on a file on a claim.
func at(name, claim, file string) *corev1.Pod {
	p := pod("1", name, nil)
	p.Spec = kube.Client{}.Pod(kube.PodSpec{Path: "/data", Image: "i", Claim: claim, Command: []string{"helper", "write", "--file", file, "--epoch", "1"}}).Spec
	return p
}

func TestAFolderOnSomebodyElsesClaimIsLeftToo(t *testing.T) {
	const ours = "/data/volume-durability-0123456789abcdef/logs.log"
	for name, c := range map[string]struct {
		pods []*corev1.Pod
		want []string
	}{
		"the writer's":            {[]*corev1.Pod{at("write-pod", "theirs", ours)}, []string{"volume-durability-0123456789abcdef of claim theirs"}},
		"two pods in one":         {[]*corev1.Pod{at("write-pod", "theirs", ours), at("read-pod", "theirs", ours)}, []string{"volume-durability-0123456789abcdef of claim theirs"}},
		"a claim of the run's":    {[]*corev1.Pod{at("write-pod", "stig-pvc", "/data/logs.log")}, nil},
		"it dies with the pod":    {[]*corev1.Pod{at("write-pod", "", ours)}, nil},
		"a pod that is like none": {[]*corev1.Pod{pod("1", "write-pod", nil)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			for _, p := range c.pods {
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
			assert.Equal(t, c.want, folders)
			for _, f := range runs[0].folders {
				assert.Equal(t, []string{"helper", "remove", "--file", ours}, f.remover.Command)
			}
		})
	}
}
