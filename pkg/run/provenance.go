package run

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// awaitDetached has the volume leave the writer's node before the reader comes,
// where the evidence is to show that. What does not leave in time is no error: the
// level then says so.
func (c *cell) awaitDetached(ctx context.Context) error {
	if c.Settings.RequiredEvidence < provenance.Remounted || c.Claim == nil {
		return nil
	}
	err := c.Kube.AwaitDetached(ctx, c.Claim.Volume)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		c.note(fmt.Sprintf("the volume was not detached from the writer's node: %v", err))
	}
	return nil
}

// recordProvenance establishes what happened to the volume between the last writer and the reader.
func (c *cell) recordProvenance(ctx context.Context) {
	if len(c.Epochs) == 0 {
		return
	}
	last := c.Epochs[len(c.Epochs)-1]
	c.Provenance = provenance.History{Writer: provenance.Location{Node: last.Node, BootID: last.BootID, Mount: last.Mount}}
	if c.Reader != nil {
		seen := c.Reader.ScanResult
		c.Provenance.Reader = &provenance.Location{Node: c.Reader.Node, BootID: seen.BootID, Mount: seen.Mount}
		c.Provenance.ReadMode = seen.ReadMode
		c.Provenance.Reattached = c.reattached(last)
		c.Provenance.Unmounted = unmounted(c.Provenance)
	}
	c.Provenance.SameVolume = c.sameVolume(ctx)
	c.Provenance.Evaluate()
}

// reattached compares the attachment of the writer's time with the reader's.
func (c *cell) reattached(last result.Epoch) provenance.Observation {
	if c.Claim == nil {
		return provenance.Observation{Answer: provenance.No, Reason: "an emptyDir is never attached"}
	}
	all, mayBeSeen := c.Kube.Attachments(c.Claim.Volume)
	if !mayBeSeen {
		return provenance.Observation{Answer: provenance.Unknown, Reason: "volume attachments may not be seen: rbac-optional.yaml allows it"}
	}
	return anew(all, last.Node, last.Deleting, c.Reader.Node)
}

// anew compares the attachment to the writer's node when the writer was deleted
// with the newest one to the reader's.
func anew(all []kube.Attachment, writer string, deleted time.Time, reader string) provenance.Observation {
	var before, now *kube.Attachment
	for i, a := range all {
		if a.Node == reader {
			now = &all[i]
		}
		if a.Node == writer && !a.Attached.After(deleted) && (a.Gone.IsZero() || !a.Gone.Before(deleted)) {
			before = &all[i]
		}
	}
	switch {
	case len(all) == 0:
		return provenance.Observation{Answer: provenance.No, Reason: "the volume is never attached: its driver does without"}
	case now == nil:
		return provenance.Observation{Answer: provenance.Unknown, Reason: "no attachment to the reader's node was seen"}
	case before == now:
		return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf("it stayed attached to %s by %s", writer, now.Name)}
	case before == nil:
		return provenance.Observation{Answer: provenance.Unknown, Reason: "no attachment to the writer's node was seen"}
	case before.Gone.IsZero():
		return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf("it is still attached to %s by %s", writer, before.Name)}
	case before.DeletionMissed && before.Name != now.Name: // of one name there is only one at a time
		return provenance.Observation{Answer: provenance.Unknown, Reason: fmt.Sprintf("when it was detached from %s was not seen", writer)}
	case !now.Attached.After(before.Gone):
		return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf("it was attached to %s before it was detached from %s", reader, writer)}
	}
	return provenance.Observation{Answer: provenance.Yes, Reason: fmt.Sprintf("attachment %s to %s was deleted at %s, %s to %s was there at %s",
		before.Name, writer, before.Gone.Format(clockTime), now.Name, reader, now.Attached.Format(clockTime))}
}

// clockTime is how times of day are said.
const clockTime = "15:04:05.000Z"

// unmounted compares what the writer and the reader had mounted. Equal numbers say
// nothing: a kernel gives them out again.
func unmounted(c provenance.History) provenance.Observation {
	before, now := c.Writer.Mount, c.Reader.Mount
	switch {
	case c.Reattached.IsYes():
		return provenance.Observation{Answer: provenance.Yes, Reason: "a volume is detached when it is not mounted any more"}
	case c.Writer.BootID == "" || c.Writer.BootID != c.Reader.BootID:
		return provenance.Observation{Answer: provenance.Unknown, Reason: "what another kernel still has mounted cannot be seen"}
	case before.Sequence != now.Sequence && before.Sequence != 0 && now.Sequence != 0:
		return provenance.Observation{Answer: provenance.Yes, Reason: fmt.Sprintf("the device was appearance %d of one when it was written, and %d when it was read", before.Sequence, now.Sequence)}
	case before.FSType != protocol.BlockDevice && before.Device != "" && now.Device != "" && before.Device != now.Device:
		return provenance.Observation{Answer: provenance.Yes, Reason: fmt.Sprintf("what was written to was device %s, what was read %s: another mount of the filesystem", before.Device, now.Device)}
	}
	return provenance.Observation{Answer: provenance.Unknown, Reason: fmt.Sprintf("writer and reader had device %s", now.Device)}
}

// sameVolume says whether every pod that was heard had the claim's volume at its path.
func (c *cell) sameVolume(ctx context.Context) provenance.Observation {
	if c.Claim == nil {
		return provenance.Observation{Answer: provenance.No, Reason: "an emptyDir is another one in each pod"}
	}
	now, err := c.Kube.Claim(ctx, c.Claim.Name)
	switch {
	case err != nil:
		return provenance.Observation{Answer: provenance.Unknown, Reason: err.Error()}
	case now.UID != c.Claim.UID || now.Spec.VolumeName != c.Claim.Volume:
		return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf("claim %s is another one by now, or bound to another volume", c.Claim.Name)}
	}
	var mounts []mounted
	for _, e := range c.Epochs {
		mounts = append(mounts, mounted{fmt.Sprintf("the writer of epoch %d", e.Number), e.Mount})
	}
	if c.Reader != nil {
		mounts = append(mounts, mounted{"the reader", c.Reader.ScanResult.Mount})
	}
	return sameMount(mounts, c.mountPath(), c.Claim.Volume)
}

// mounted is what a pod had at the journal's path.
type mounted struct {
	who string
	protocol.Mount
}

// sameMount says whether all pods had the volume at its path, and no other filesystem.
func sameMount(mounts []mounted, at, volume string) provenance.Observation {
	uuid, fsType := "", ""
	for _, m := range mounts {
		switch {
		case m.FSType == "":
			return provenance.Observation{Answer: provenance.Unknown, Reason: "what " + m.who + " had at its path was not heard"}
		case m.Point != at:
			return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf("%s had no volume at %s: it was on %s (%s)", m.who, at, m.Point, m.FSType)}
		case fsType != "" && m.FSType != fsType, uuid != "" && m.UUID != "" && m.UUID != uuid:
			return provenance.Observation{Answer: provenance.No, Reason: fmt.Sprintf("%s had another filesystem: %s %s", m.who, m.FSType, m.UUID)}
		}
		fsType = m.FSType
		if m.UUID != "" {
			uuid = m.UUID
		}
	}
	how := fmt.Sprintf("volume %s, %s, was mounted at %s in every pod", volume, fsType, at)
	if uuid != "" {
		how += ", filesystem " + uuid
	}
	return provenance.Observation{Answer: provenance.Yes, Reason: how}
}

// mountPath is where the volume is in the pods: at the journal's folder, or the
// journal itself, where it is a device.
func (c *cell) mountPath() string {
	if c.isBlock() {
		return c.Settings.JournalFile
	}
	return path.Dir(c.Settings.JournalFile)
}

// attach takes note of when the volume was seen to be attached to a pod's node for it.
func (c *cell) attach(pod *result.Pod) {
	if c.Claim == nil || c.Plan.VolumeSource == options.EmptyDir {
		return
	}
	// A pod that has started has its volume: what comes later is a later pod's.
	until := pod.Started
	if until.IsZero() {
		until = c.Kube.Milestones(pod.UID).Gone
	}
	all, _ := c.Kube.Attachments(c.Claim.Volume)
	for _, a := range all {
		if !until.IsZero() && a.Attached.After(until) {
			continue
		}
		if a.Node == pod.Node && a.Attached.After(pod.Created) && (pod.Attached.IsZero() || a.Attached.Before(pod.Attached)) {
			pod.Attached = a.Attached
		}
	}
}
