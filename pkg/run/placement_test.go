package run

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// runWithApplication returns a run in a cluster in which a pod on node n5 uses the claim theirs.
func runWithApplication(t *testing.T, node options.WriterNode) Run {
	t.Helper()
	r := newTestCell(t).run
	r.Options.WriterNode = node
	claim := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "theirs"}
	labels := map[string]string{kube.RunLabel: "run"}
	r.Kube = kube.Client{Namespace: "stig", Log: r.Log, Timeout: time.Minute, Labels: labels,
		API: fake.NewClientset(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "stig"},
			Spec: corev1.PodSpec{NodeName: "n5", Volumes: []corev1.Volume{
				{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: claim}},
			}},
		}),
	}
	return r
}

func TestWriterPlacement(t *testing.T) {
	theirs, unused := options.CellSpec{ExistingClaim: "theirs"}, options.CellSpec{ExistingClaim: "unused"}
	for name, tc := range map[string]struct {
		node options.WriterNode
		plan options.CellSpec
		want kube.Placement
	}{
		"any":              {options.AnyWriterNode, theirs, kube.Placement{}},
		"a node":           {"n1", theirs, kube.Placement{Node: "n1"}},
		"labels":           {"zone=a", theirs, kube.Placement{Labels: map[string]string{"zone": "a"}}},
		"the claim's node": {options.ClaimNode, theirs, kube.Placement{Node: "n5"}},
		"an unused claim":  {options.ClaimNode, unused, kube.Placement{}},
		"the control":      {options.ClaimNode, options.CellSpec{Control: true}, kube.Placement{}},
	} {
		placement, err := runWithApplication(t, tc.node).writerPlacement(t.Context(), tc.plan)
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, placement, name)
	}
}

// A ReadWriteOnce claim in use cannot be mounted on another node.
func TestReaderPlacement_FollowsClaim(t *testing.T) {
	for reader, want := range map[options.ReaderNode]kube.Placement{
		options.AnyNode: {Node: "n5"}, options.OtherNode: {ExcludeNode: "n1"},
	} {
		cell := &result.Cell{
			Spec:   options.CellSpec{ExistingClaim: "theirs", ReaderNode: reader},
			Epochs: []result.Epoch{{Pod: result.Pod{Node: "n1"}}},
		}
		placement, err := runWithApplication(t, options.ClaimNode).readerPlacement(t.Context(), cell)
		require.NoError(t, err, reader)
		assert.Equal(t, want, placement, reader)
	}
	placement, err := runWithApplication(t, "n1").readerPlacement(t.Context(),
		&result.Cell{Spec: options.CellSpec{ReaderNode: options.AnyNode}})
	require.NoError(t, err)
	assert.Empty(t, placement)
}

func TestPods_HaveSettingsAndTemplateOfRun(t *testing.T) {
	c := newTestCell(t)
	c.specs.run.PodSettings.PriorityClassName, c.specs.run.PodTemplate = "high", &kube.PodTemplate{}
	for _, spec := range []kube.PodSpec{c.specs.writer(1, nil), c.specs.reader(nil), c.specs.folderRemoval()} {
		assert.Equal(t, c.specs.run.PodSettings, spec.Settings)
		assert.Same(t, c.specs.run.PodTemplate, spec.Template)
	}
}
