package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// provenanceRecorder finds out what happened to a cell's volume between its pods.
type provenanceRecorder struct {
	kube      kube.Client
	cell      *result.Cell
	mountPath string
	// required is the evidence level that the user requires.
	required provenance.Level
	// readerRequested is when the reader's pod was requested; zero if it was not.
	readerRequested time.Time
}

// awaitDetached waits until the volume is detached from the writer's node, if the required evidence level depends
// on that. A volume that is not detached in time is no error, only a lower level.
func (r provenanceRecorder) awaitDetached(ctx context.Context) error {
	if r.required < provenance.Remounted || r.cell.Claim == nil {
		return nil
	}
	err := r.kube.AwaitDetached(ctx, r.cell.Claim.Volume)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		verdict.AddNotes(r.cell, fmt.Sprintf("the volume was still attached to a node when the reader was created: %v", err))
	}
	return nil
}

// record sets the cell's provenance: what happened to the volume between the last writer and the reader.
func (r provenanceRecorder) record(ctx context.Context) {
	c := r.cell
	if len(c.Epochs) == 0 {
		return
	}
	c.Provenance = verdict.NewProvenance(c)
	if c.Reader != nil {
		last := c.Epochs[len(c.Epochs)-1]
		c.Provenance.Reattached = r.reattached(last)
		c.Provenance.Unmounted = unmounted(c.Provenance, r.detachTime(last))
		c.Provenance.Unused = r.unused(last)
		c.Provenance.Restarted = r.restarted(ctx)
	}
	c.Provenance.SameVolume = r.sameVolume(ctx)
	c.Provenance.Evaluate()
}

// restarted reports whether the node of both pods was started again between them. It reads the node only if their
// kernels differ.
func (r provenanceRecorder) restarted(ctx context.Context) *provenance.Observation {
	writer, reader := r.cell.Provenance.Writer, r.cell.Provenance.Reader
	restarted := provenance.ObserveRestart(writer, reader, "")
	if restarted == nil {
		return nil
	}
	nodes, err := r.kube.Nodes(ctx)
	i := slices.IndexFunc(nodes, func(n corev1.Node) bool { return n.Name == reader.Node })
	if err != nil || i < 0 {
		return restarted
	}
	return provenance.ObserveRestart(writer, reader, nodes[i].Status.NodeInfo.BootID)
}

// reattached compares the volume's attachment for the last writer with that for the reader.
func (r provenanceRecorder) reattached(last result.Epoch) provenance.Observation {
	if r.cell.Claim == nil {
		return provenance.Observed(provenance.No, "an emptyDir is never attached")
	}
	all, visible := r.kube.Attachments(r.cell.Claim.Volume)
	if !visible {
		return provenance.Observed(provenance.Unknown, "the service account may not read VolumeAttachments; "+
			"rbac-optional.yaml grants that permission")
	}
	return compareAttachments(all, last.Node, last.DeletionRequestedAt, r.cell.Reader.Node)
}

// compareAttachments compares the attachment to the writer's node at the writer's deletion with the latest one to
// the reader's node.
func compareAttachments(all []kube.Attachment, writer string, deleted time.Time, reader string) provenance.Observation {
	var now *kube.Attachment
	for i, a := range all {
		if a.Node == reader {
			now = &all[i]
		}
	}
	before := attachmentAt(all, writer, deleted)
	switch {
	case len(all) == 0:
		return provenance.Observed(provenance.No, "the CSI driver does not use VolumeAttachments")
	case now == nil:
		return provenance.Observed(provenance.Unknown, "no attachment to the reader's node was observed")
	case before == now:
		return provenance.Observed(provenance.No, "the volume stayed attached: %s", identify(*now))
	case before == nil:
		return provenance.Observed(provenance.Unknown, "no attachment to the writer's node was observed")
	case before.DeletedAt.IsZero():
		return provenance.Observed(provenance.No, "the volume is still attached: %s", identify(*before))
	case before.DeletionMissed && before.Name != now.Name: // two of the same name cannot overlap
		return provenance.Observed(provenance.Unknown, "when the volume was detached from %s is unknown", writer)
	case !now.AttachedAt.After(before.DeletedAt):
		return provenance.Observed(provenance.No, "the volume was attached to %s before it was detached from %s",
			reader, writer)
	}
	return provenance.Observed(provenance.Yes,
		"%s was deleted at %s; %s was created at %s",
		identify(*before), before.DeletedAt.Format(clockTime), identify(*now), now.AttachedAt.Format(clockTime))
}

// identify names an attachment with its UID: the name depends only on the volume and the node, so two attachments to
// the same node have the same name.
func identify(a kube.Attachment) string {
	return fmt.Sprintf("VolumeAttachment %s (UID %s, node %s)", a.Name, a.UID, a.Node)
}

// attachmentAt returns the attachment to a node that existed at a time; nil if there was none.
func attachmentAt(all []kube.Attachment, node string, at time.Time) *kube.Attachment {
	var found *kube.Attachment
	for i, a := range all {
		if a.Node == node && !a.AttachedAt.After(at) && (a.DeletedAt.IsZero() || !a.DeletedAt.Before(at)) {
			found = &all[i]
		}
	}
	return found
}

// detachTime returns the time from the request to delete the last writer to the detach of its volume; 0 if no detach
// was observed. If VolumeAttachments cannot be read, it is the time to the start of the reader.
func (r provenanceRecorder) detachTime(last result.Epoch) time.Duration {
	if r.cell.Claim == nil || last.DeletionRequestedAt.IsZero() {
		return 0
	}
	all, readable := r.kube.Attachments(r.cell.Claim.Volume)
	if !readable {
		return r.readerStarted().Sub(last.DeletionRequestedAt)
	}
	return detachTime(all, last.Node, last.DeletionRequestedAt)
}

func detachTime(all []kube.Attachment, writer string, deleted time.Time) time.Duration {
	a := attachmentAt(all, writer, deleted)
	if a == nil || a.DeletedAt.IsZero() {
		return 0
	}
	return a.DeletedAt.Sub(deleted)
}

// readerStarted returns when the reader's pod was observed to start, or when its scan result was received.
func (r provenanceRecorder) readerStarted() time.Time {
	if started := r.kube.PodTimes(r.cell.Reader.UID).StartedAt; !started.IsZero() {
		return started
	}
	return r.cell.Reader.ReceivedAt
}

// clockTime is the format of times of day.
const clockTime = "15:04:05.000Z"

// unmounted compares what the writer and the reader had mounted. Equal device numbers prove nothing, because a
// kernel reuses them. After a detach by force, other numbers prove nothing either, because the volume may still be
// mounted on the writer's node under the old number. detachTime is the longest time that may have passed from the
// request to delete the writer to the detach.
func unmounted(h provenance.Provenance, detachTime time.Duration) provenance.Observation {
	before, now := h.Writer.Mount, h.Reader.Mount
	switch {
	case detachTime >= kube.ForcedDetachAfter:
		return provenance.Observed(provenance.Unknown, "the volume may have been detached as late as %s after the "+
			"deletion of the writer was requested; after %s, Kubernetes may detach a volume by force while it is still mounted",
			detachTime.Round(time.Second), kube.ForcedDetachAfter)
	case h.Reattached.IsYes():
		return provenance.Observed(provenance.Yes, "the volume was detached less than %s after the deletion "+
			"of the writer was requested. Within that time, Kubernetes detaches a volume only after the node has unmounted it",
			kube.ForcedDetachAfter)
	case h.Writer.BootID == "" || h.Writer.BootID != h.Reader.BootID:
		return provenance.Observed(provenance.Unknown, "whether another kernel still has the volume mounted is unknown")
	case provenance.HasReappeared(before, now):
		return provenance.Observed(provenance.Yes, "the device's sequence number was %d for the writer and %d for the reader",
			before.DiskSequence, now.DiskSequence)
	case before.FSType != protocol.BlockDevice && before.Device != "" && now.Device != "" && before.Device != now.Device:
		return provenance.Observed(provenance.Yes,
			"the writer had device %s, the reader device %s: the filesystem was mounted again",
			before.Device, now.Device)
	}
	return provenance.Observed(provenance.Unknown, "writer and reader had the same device number %s, "+
		"which does not prove that the volume stayed mounted", now.Device)
}

// unused reports whether no pod used the claim between the last writer and the reader; nil if Kubernetes does not
// report that.
func (r provenanceRecorder) unused(last result.Epoch) *provenance.Observation {
	if r.cell.Claim == nil {
		return nil
	}
	periods, reported := r.kube.UnusedPeriods(r.cell.Claim.UID)
	if !reported {
		return nil
	}
	answer := findUnused(periods, last.DeletionRequestedAt, r.readerRequested, r.readerStarted())
	return &answer
}

// findUnused looks for a time without pods between the deletion of the writer and the request for the reader. What is
// observed after the reader has started is a later time, after the end of the reader.
func findUnused(periods []kube.UnusedPeriod, deleted, requested, started time.Time) provenance.Observation {
	var unused *kube.UnusedPeriod
	for i, p := range periods {
		isEarlier := !p.Ended.IsZero() && !p.Ended.After(deleted)
		if isEarlier || p.Seen.After(started) {
			continue
		}
		if !p.Ended.IsZero() && p.Ended.Before(requested) {
			return provenance.Observed(provenance.No, "another pod used the claim before the reader's pod was created: "+
				"its condition Unused became false at %s", p.Ended.UTC().Format(clockTime))
		}
		unused = &periods[i]
	}
	if unused == nil {
		return provenance.Observed(provenance.Unknown, "the claim's condition Unused did not become true before the reader's pod used "+
			"the claim; Kubernetes sets it with a delay")
	}
	return provenance.Observed(provenance.Yes, "the claim's condition Unused became true at %s: no pod used the claim until the "+
		"reader's pod was created", unused.Since.UTC().Format(time.TimeOnly+"Z"))
}

// sameVolume reports whether every pod had the claim's volume at the mount path.
func (r provenanceRecorder) sameVolume(ctx context.Context) provenance.Observation {
	claim := r.cell.Claim
	if claim == nil {
		return provenance.Observed(provenance.No, "every pod has an emptyDir of its own")
	}
	now, err := r.kube.Claim(ctx, claim.Name)
	switch {
	case err != nil:
		return provenance.Observed(provenance.Unknown, "%v", err)
	case now.UID != claim.UID || now.Spec.VolumeName != claim.Volume:
		return provenance.Observed(provenance.No, "claim %s was replaced or is bound to another volume", claim.Name)
	}
	var mounts []podMount
	for _, e := range r.cell.Epochs {
		mounts = append(mounts, podMount{fmt.Sprintf("the writer of epoch %d", e.Number), e.Mount})
	}
	if r.cell.Reader != nil {
		mounts = append(mounts, podMount{"the reader", r.cell.Reader.ScanResult.Mount})
	}
	return compareMounts(mounts, r.mountPath, claim.Volume)
}

// podMount is what a pod had at the journal's path.
type podMount struct {
	pod string
	protocol.Mount
}

// compareMounts reports whether all pods had the same filesystem or device at the mount path.
func compareMounts(mounts []podMount, mountPath, volume string) provenance.Observation {
	var known protocol.Mount
	for i, m := range mounts {
		switch {
		case m.FSType == "":
			return provenance.Observed(provenance.Unknown, "what %s had mounted is unknown", m.pod)
		case m.Point != mountPath:
			return provenance.Observed(provenance.No, "%s had no volume at %s: the path was on %s (%s)",
				m.pod, mountPath, m.Point, m.FSType)
		case i > 0 && !provenance.IsSameFilesystem(known, m.Mount):
			return provenance.Observed(provenance.No, "%s had another filesystem: %s %s", m.pod, m.FSType, m.UUID)
		}
		known.FSType, known.UUID = m.FSType, cmp.Or(m.UUID, known.UUID)
	}
	reason := fmt.Sprintf("volume %s, %s, was mounted at %s in every pod", volume, known.FSType, mountPath)
	if known.UUID != "" {
		reason += ", filesystem " + known.UUID
	}
	return provenance.Observed(provenance.Yes, "%s", reason)
}

// addTimes adds the times of a pod's start and of its volume's attachment.
func (r provenanceRecorder) addTimes(pod *result.Pod) {
	m := r.kube.PodTimes(pod.UID)
	pod.CreatedAt, pod.ScheduledAt, pod.MountedAt, pod.StartedAt = m.CreatedAt, m.ScheduledAt, m.MountedAt, m.StartedAt
	r.addAttachTime(pod)
}

// addAttachTime adds when the volume was attached to the pod's node for this pod.
func (r provenanceRecorder) addAttachTime(pod *result.Pod) {
	if r.cell.Claim == nil || r.cell.Spec.VolumeSource == options.EmptyDir {
		return
	}
	// A pod that has started has its volume: a later attachment is for a later pod.
	until := pod.StartedAt
	if until.IsZero() {
		until = r.kube.PodTimes(pod.UID).DeletedAt
	}
	all, _ := r.kube.Attachments(r.cell.Claim.Volume)
	for _, a := range all {
		if !until.IsZero() && a.AttachedAt.After(until) {
			continue
		}
		if a.Node == pod.Node && a.AttachedAt.After(pod.CreatedAt) &&
			(pod.AttachedAt.IsZero() || a.AttachedAt.Before(pod.AttachedAt)) {
			pod.AttachedAt = a.AttachedAt
		}
	}
}
