package judge

import (
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// countRemoved counts the objects that acknowledged operations removed.
func countRemoved(model pattern.Model, acks []ledger.Ack) uint64 {
	var removed uint64
	for _, ack := range acks {
		for seq := uint64(1); seq <= ack.Seq; seq++ {
			if _, any := model.Removed(journal.Point{Epoch: ack.Epoch, Seq: seq}); any {
				removed++
			}
		}
	}
	return removed
}
