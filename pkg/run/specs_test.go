package run

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestRelativePlacement(t *testing.T) {
	for node, want := range map[options.ReaderNode]kube.Placement{
		options.AnyNode:   {},
		options.SameNode:  {Node: "n1"},
		options.OtherNode: {ExcludeNode: "n1"},
		"n7":              {Node: "n7"},
	} {
		c := newTestCell(t)
		c.result.Spec.ReaderNode = node
		c.result.Epochs = []result.Epoch{{Pod: result.Pod{Node: "n2"}}, {Pod: result.Pod{Node: "n1"}}}
		assert.Equal(t, want, relativePlacement(c.result), node)
	}
}

func TestWriter_NamesTheJournalInItsOwnFolder(t *testing.T) {
	c := newTestCell(t)
	assert.Empty(t, c.specs.writer(1, nil).JournalInOwnFolder, "the claim is the run's own")
	existing := newCell(c.run, options.CellSpec{ExistingClaim: "theirs"})
	assert.Equal(t, existing.result.JournalFile, existing.specs.writer(1, nil).JournalInOwnFolder)
	assert.Contains(t, existing.specs.writer(1, nil).Command, "--own-folder")
}

func TestPods_HaveIdentityOfOptions(t *testing.T) {
	c := newTestCell(t)
	o := &c.specs.run.Options
	o.RunAsUser, o.RunAsGroup, o.FSGroup = ptr.To[int64](1), ptr.To[int64](2), nil
	o.SupplementalGroups = []int64{4}
	want := kube.Identity{User: ptr.To[int64](1), Group: ptr.To[int64](2), SupplementalGroups: []int64{4}}
	for _, spec := range []kube.PodSpec{c.specs.writer(1, nil), c.specs.reader(nil), c.specs.folderRemoval()} {
		assert.Equal(t, want, spec.Identity)
	}
}

func TestPermissionHint_NamesOptionThatHelps(t *testing.T) {
	denied := protocol.NewOpError("open /data/logs.log", syscall.EACCES)
	claim := options.CellSpec{AccessMode: corev1.ReadWriteOnce, VolumeMode: corev1.PersistentVolumeFilesystem}
	existing, pod, block := claim, claim, claim
	existing.ExistingClaim, pod.AccessMode = "theirs", corev1.ReadWriteOncePod
	block.VolumeMode = corev1.PersistentVolumeBlock
	assert.Contains(t, permissionHint(denied, &result.Cell{Spec: claim}), "may not apply fsGroup")
	assert.Contains(t, permissionHint(denied, &result.Cell{Spec: existing}), "SUPPLEMENTAL_GROUPS")
	assert.Contains(t, permissionHint(denied, &result.Cell{Spec: pod}), "kubernetes#127170")
	assert.Empty(t, permissionHint(denied, &result.Cell{Spec: block}))
	assert.Empty(t, permissionHint(protocol.NewOpError("open", syscall.ENOSPC), &result.Cell{Spec: existing}))
}
