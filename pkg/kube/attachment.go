package kube

import (
	"context"
	"slices"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

func (o *observer) attachmentChanged(a *storagev1.VolumeAttachment) {
	volume := a.Spec.Source.PersistentVolumeName
	if volume == nil {
		return
	}
	if o.attachments[*volume] == nil {
		o.attachments[*volume] = map[types.UID]*observedAttachment{}
	}
	observed := o.attachments[*volume][a.UID]
	if observed == nil {
		observed = &observedAttachment{Attachment: Attachment{Name: a.Name, UID: a.UID, Node: a.Spec.NodeName}}
		o.attachments[*volume][a.UID] = observed
	}
	observed.latest = a
	setOnce(&observed.AttachedAt, a.Status.Attached, time.Now().UTC())
	o.notifyVolume(*volume)
}

func (o *observer) attachmentDeleted(a *storagev1.VolumeAttachment, missed bool) {
	volume := ptr.Deref(a.Spec.Source.PersistentVolumeName, "")
	if observed := o.attachments[volume][a.UID]; observed != nil && observed.DeletedAt.IsZero() {
		observed.DeletionMissed = missed
		observed.DeletedAt = time.Now().UTC()
		o.notifyVolume(volume)
	}
}

// notifyVolume wakes the waits for a volume and for the claim that is bound to it. The observer must be locked.
func (o *observer) notifyVolume(volume string) {
	o.notify(volumeNamed(volume))
	o.notify(claimNamed(o.bound[volume]))
}

// Attachments returns the VolumeAttachments of a PersistentVolume in the order in which they were attached. It returns
// false for readable if the service account may not watch VolumeAttachments.
func (c Client) Attachments(volume string) (attachments []Attachment, readable bool) {
	o := c.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.attachments[volume] {
		attachments = append(attachments, a.Attachment)
	}
	slices.SortFunc(attachments, func(a, b Attachment) int { return a.AttachedAt.Compare(b.AttachedAt) })
	return attachments, o.attachmentsVisible
}

// AwaitDetached returns once a volume is attached to no node. It returns at once if VolumeAttachments are not readable.
func (c Client) AwaitDetached(ctx context.Context, volume string) error {
	ctx, cancel := c.withTimeout(ctx, "volume %s to be detached", volume)
	defer cancel()
	return c.observer.waitUntil(ctx, func() (bool, error) {
		for _, a := range c.observer.attachments[volume] {
			if a.DeletedAt.IsZero() {
				return false, nil
			}
		}
		return true, nil
	}, volumeNamed(volume))
}
