package run

import (
	"cmp"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// helper is the path of the helper in the pods' image (see the Dockerfile).
const helper = "/usr/local/bin/durability-helper"

// specs builds the specifications of the objects of one cell.
type specs struct {
	run    Run
	cell   *result.Cell
	ledger *ledger.Ledger
}

func (s specs) isBlock() bool { return s.cell.Spec.VolumeMode == corev1.PersistentVolumeBlock }

// hasOwnFolder reports whether the cell creates a folder for its journal. It does on an existing claim, which may
// hold other data.
func (s specs) hasOwnFolder() bool { return s.cell.Spec.ExistingClaim != "" && !s.isBlock() }

// mountPath returns where the volume is in the pods: the folder of JOURNAL_FILE, or JOURNAL_FILE itself if the volume
// is a block device.
func (s specs) mountPath() string {
	if s.isBlock() {
		return s.run.Options.JournalFile
	}
	return path.Dir(s.run.Options.JournalFile)
}

// gracePeriod returns the grace period of a deletion in seconds, nil for the pod's own.
func (s specs) gracePeriod() *int64 {
	if s.cell.Spec.Force {
		return ptr.To[int64](0)
	}
	return nil
}

// appliedGracePeriod returns the grace period that a deletion of a pod has in seconds. It is nil if the API server did
// not return that of the pod.
func (s specs) appliedGracePeriod(pod *corev1.Pod) *int64 {
	return cmp.Or(s.gracePeriod(), pod.Spec.TerminationGracePeriodSeconds)
}

func (s specs) claim() kube.ClaimSpec {
	plan := s.cell.Spec
	return kube.ClaimSpec{
		Name: plan.ObjectName(s.run.Options.ClaimName), StorageClass: plan.StorageClass, Size: s.run.Options.ClaimSize,
		AccessMode: plan.AccessMode, VolumeMode: plan.VolumeMode, Template: s.run.ClaimTemplate,
	}
}

// writer returns the pod of the given epoch, which checks the acknowledged records before it writes.
func (s specs) writer(epoch int, acks []ledger.Ack) kube.PodSpec {
	args := append(protocol.PointFlags(acks),
		"--epoch", strconv.Itoa(epoch), "--rate", strconv.FormatFloat(s.run.Options.WriteRate, 'f', -1, 64))
	if s.hasOwnFolder() {
		args = append(args, "--own-folder")
	}
	return s.pod(s.run.Options.WriterPod, "write", args...)
}

func (s specs) reader(acks []ledger.Ack) kube.PodSpec {
	spec := s.pod(s.run.Options.ReaderPod, "read", append(protocol.PointFlags(acks), "--stay")...)
	spec.ReadOnly = true
	return spec
}

// folderRemoval returns a pod that removes the cell's folder from an existing claim.
func (s specs) folderRemoval() kube.PodSpec {
	spec := s.pod(s.run.Options.WriterPod, "remove")
	spec.Command = []string{helper, "remove", "--file", s.cell.JournalFile}
	return spec
}

func (s specs) pod(name, command string, args ...string) kube.PodSpec {
	format := s.cell.Journal
	base := []string{
		helper, command, "--file", s.cell.JournalFile, "--journal", format.ID,
		"--record-size", strconv.Itoa(format.RecordSize),
	}
	spec := kube.PodSpec{
		Name: s.cell.Spec.ObjectName(name), Image: s.run.Image, ImagePullPolicy: s.run.Options.ImagePullPolicy,
		Path: s.mountPath(), Block: s.isBlock(),
		Command:  slices.Concat(base, s.cell.Layout.Flags(), args),
		Identity: s.identity(), Settings: s.run.PodSettings, Template: s.run.PodTemplate,
	}
	if s.isBlock() {
		// A device has no end of file, so the helper must be told how much to read at least.
		acknowledged := s.ledger.Records() * uint64(format.RecordSize)
		spec.Command = append(spec.Command, "--at-least", strconv.FormatUint(acknowledged, 10))
	}
	if s.hasOwnFolder() {
		spec.JournalInOwnFolder = s.cell.JournalFile
	}
	if claim := s.cell.Claim; claim != nil {
		spec.Claim, spec.OwnVolume = claim.Name, claim.Created
	}
	return spec
}

func (s specs) identity() kube.Identity {
	o := s.run.Options
	return kube.Identity{
		User: o.RunAsUser, Group: o.RunAsGroup, SupplementalGroups: o.SupplementalGroups, FSGroup: o.FSGroup,
	}
}
