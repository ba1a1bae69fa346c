// Package event defines the events that faultfs prints, one JSON object per line. It does
// not depend on the rest of faultfs.
package event

import (
	"time"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// Kind is the kind of an event.
type Kind string

const (
	// Mounted means that the filesystem can be used.
	Mounted Kind = "mounted"
	// Armed means that the fault waits for its moment.
	Armed Kind = "armed"
	// Fault means that the moment was reached and the fault has taken effect.
	Fault Kind = "fault"
	// SyncFailed means that sync-error failed a sync; the ranges were not synced.
	SyncFailed Kind = "sync-failed"
	// Dropped means that sync-error dropped the data of the failed sync.
	Dropped Kind = "dropped"
	// Snapshot means that the snapshot for roll-back was taken.
	Snapshot Kind = "snapshot"
	// Healed means that the fault no longer has an effect.
	Healed Kind = "healed"
	// Unmounted is the last event.
	Unmounted Kind = "unmounted"
	// Error means that a command or the fault failed.
	Error Kind = "error"
)

// Event is one event of the filesystem.
type Event struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"event"`
	// Fault is the name of the mount's fault, if it has one.
	Fault string `json:"fault,omitempty"`
	// File is the target's path below the mount.
	File string `json:"file"`
	// SizeBefore and SizeAfter are the target's sizes in bytes before and after the event;
	// 0 if the file does not exist.
	SizeBefore int64 `json:"sizeBefore"`
	SizeAfter  int64 `json:"sizeAfter"`
	// Ranges are the ranges of the target, by their offsets before the event, whose bytes
	// were lost or changed; for read-error, those that cannot be read.
	Ranges []extent.Range `json:"ranges"`
	// SyncedBytes is how many bytes of the target, from its beginning, were acknowledged as
	// synced before the event.
	SyncedBytes int64 `json:"syncedBytes"`
	// Detail is additional text for people.
	Detail string `json:"detail,omitempty"`
}
