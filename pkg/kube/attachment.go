package kube

import (
	"context"
	"slices"
	"time"

	storagev1 "k8s.io/api/storage/v1"
)

func (o *observer) attachmentChanged(a *storagev1.VolumeAttachment) {
	volume := a.Spec.Source.PersistentVolumeName
	if volume == nil {
		return
	}
	observed := o.attachments[a.UID]
	if observed == nil {
		observed = &observedAttachment{
			volume: *volume, Attachment: Attachment{Name: a.Name, UID: a.UID, Node: a.Spec.NodeName},
		}
		o.attachments[a.UID] = observed
	}
	observed.latest = a
	setOnce(&observed.AttachedAt, a.Status.Attached, time.Now().UTC())
}

func (o *observer) attachmentDeleted(a *storagev1.VolumeAttachment, missed bool) {
	if observed := o.attachments[a.UID]; observed != nil && observed.DeletedAt.IsZero() {
		observed.DeletionMissed = missed
		observed.DeletedAt = time.Now().UTC()
	}
}

// Attachments returns the VolumeAttachments of a PersistentVolume in the order in which they were attached. It returns
// false for readable if the service account may not watch VolumeAttachments.
func (c Client) Attachments(volume string) (attachments []Attachment, readable bool) {
	o := c.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.attachments {
		if a.volume == volume {
			attachments = append(attachments, a.Attachment)
		}
	}
	slices.SortFunc(attachments, func(a, b Attachment) int { return a.AttachedAt.Compare(b.AttachedAt) })
	return attachments, o.attachmentsVisible
}

// AwaitDetached returns once a volume is attached to no node. It returns at once if VolumeAttachments are not readable.
func (c Client) AwaitDetached(ctx context.Context, volume string) error {
	ctx, cancel := c.withTimeout(ctx, "volume %s to be detached", volume)
	defer cancel()
	return c.observer.waitUntil(ctx, func() (bool, error) {
		for _, a := range c.observer.attachments {
			if a.volume == volume && a.DeletedAt.IsZero() {
				return false, nil
			}
		}
		return true, nil
	})
}
