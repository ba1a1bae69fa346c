package run

import (
	"fmt"
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

func TestAppliedGracePeriod_IsThatOfThePodUnlessForced(t *testing.T) {
	c := newTestCell(t)
	pod := &corev1.Pod{Spec: corev1.PodSpec{TerminationGracePeriodSeconds: ptr.To[int64](90)}}
	assert.Equal(t, ptr.To[int64](90), c.specs.appliedGracePeriod(pod), "a template of the pod set it")
	assert.Nil(t, c.specs.appliedGracePeriod(&corev1.Pod{}))
	c.result.Spec.Force = true
	assert.Equal(t, ptr.To[int64](0), c.specs.appliedGracePeriod(pod))
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

func TestAdvice_NamesOptionThatGivesPermission(t *testing.T) {
	denied := protocol.NewOpError("open /data/logs.log", syscall.EACCES)
	claim := options.CellSpec{
		VolumeSource: options.Claim, AccessMode: corev1.ReadWriteOnce, VolumeMode: corev1.PersistentVolumeFilesystem,
	}
	existing, pod, empty := claim, claim, claim
	existing.ExistingClaim, pod.AccessMode, empty.VolumeSource = "theirs", corev1.ReadWriteOncePod, options.EmptyDir
	adviceFor := func(plan options.CellSpec, err error) string {
		return specs{cell: &result.Cell{Spec: plan}}.advice(err)
	}
	assert.Contains(t, adviceFor(claim, denied), "may not apply fsGroup")
	assert.Contains(t, adviceFor(existing, denied), "SUPPLEMENTAL_GROUPS")
	assert.Contains(t, adviceFor(pod, denied), "kubernetes#127170")
	assert.Empty(t, adviceFor(empty, denied))
	assert.NotContains(t, adviceFor(existing, protocol.NewOpError("open", syscall.ENOSPC)), "RUN_AS_USER")
}

func TestAdvice_IsNotRepeated(t *testing.T) {
	c := newTestCell(t)
	denied := fmt.Errorf("%w. To fix this: do something", protocol.NewOpError("open /data/logs.log", syscall.EACCES))
	assert.Empty(t, c.specs.advice(denied))
}
