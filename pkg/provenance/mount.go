package provenance

import (
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// Observed returns an observation with a formatted reason.
func Observed(answer Answer, reason string, args ...any) Observation {
	return Observation{Answer: answer, Reason: fmt.Sprintf(reason, args...)}
}

// IsSameFilesystem reports whether two mounts may be of the same filesystem. A UUID that is not known proves nothing.
func IsSameFilesystem(a, b protocol.Mount) bool {
	return a.FSType == b.FSType && (a.UUID == b.UUID || a.UUID == "" || b.UUID == "")
}

// HasReappeared reports whether a device is known to have disappeared and come back between two uses.
func HasReappeared(before, now protocol.Mount) bool {
	return before.DiskSequence != now.DiskSequence && before.DiskSequence != 0 && now.DiskSequence != 0
}
