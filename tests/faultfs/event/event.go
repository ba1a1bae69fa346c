// Package event is what a faultfs says of itself, one JSON object a line. Whoever
// reads it needs nothing else of faultfs.
package event

import (
	"time"

	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// Kind is what has happened.
type Kind string

// The kinds of events.
const (
	// Mounted is said once the filesystem can be used.
	Mounted Kind = "mounted"
	// Armed is said once a fault waits for its moment.
	Armed Kind = "armed"
	// Fault is said when the moment has come and the fault has taken effect.
	Fault Kind = "fault"
	// SyncFailed is said when a sync has failed; its ranges are what was not synced then.
	SyncFailed Kind = "sync-failed"
	// Dropped is said when data that a failed sync had left behind is gone.
	Dropped Kind = "dropped"
	// Snapshot is said when the state to roll back to has been kept.
	Snapshot Kind = "snapshot"
	// Healed is said when a fault's behaviour has ended.
	Healed Kind = "healed"
	// Unmounted is said at the end.
	Unmounted Kind = "unmounted"
	// Error is said when something that was asked for has not been done.
	Error Kind = "error"
)

// Event is one thing that has happened.
type Event struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"event"`
	// Fault is the name of the mount's fault, if it has one.
	Fault string `json:"fault,omitempty"`
	// File is the target's path below the mount.
	File string `json:"file"`
	// SizeBefore and SizeAfter are the target's sizes in bytes before and after what
	// happened. A file that is gone has none, which is 0.
	SizeBefore int64 `json:"sizeBefore"`
	SizeAfter  int64 `json:"sizeAfter"`
	// Ranges are every range of the target, as it was before, whose bytes are gone or
	// are others now; for a read error, those that cannot be read.
	Ranges []extent.Range `json:"ranges"`
	// SyncedBytes is how many bytes of the target, from its beginning, the writer had
	// been told are safe before it happened.
	SyncedBytes int64 `json:"syncedBytes"`
	// Detail says more, for people.
	Detail string `json:"detail,omitempty"`
}
