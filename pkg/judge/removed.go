package judge

import (
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// countRemoved counts the objects that acknowledged operations removed or renamed.
func countRemoved(model pattern.Model, acks []ledger.Ack) uint64 {
	var removed uint64
	for _, ack := range acks {
		removed += model.CountRemoved(ack.Seq)
	}
	return removed
}
