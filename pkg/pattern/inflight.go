package pattern

// MaxCommitBytes limits the records that are written before one sync.
const MaxCommitBytes = 1 << 20

// MaxBatch returns how many operations may be in flight at the same time: those between two syncs. A writer that was
// killed has done at most this many operations after the last one that is durable. An operation in flight may leave an
// object that is written in part, so only a small part of the objects may be in flight.
func (l Layout) MaxBatch(recordSize int) uint64 {
	batch := uint64(max(1, MaxCommitBytes/recordSize))
	switch {
	case l.Pattern.IsFolder():
		return 1 // each operation has its own syncs
	case l.Objects > 0:
		return min(batch, max(1, l.Objects/16))
	default:
		return batch
	}
}
