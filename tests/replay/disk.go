package replay

import (
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
)

// sectorSize is the unit in bytes that a disk writes as a whole.
const sectorSize = 512

// Disk records writes and flushes. It is safe for concurrent use.
type Disk struct {
	size int64

	mu      sync.Mutex
	sectors map[int64][]version // the versions of each sector, the oldest first
	// recorded is the number of writes so far.
	recorded int
	// flushes are the numbers of writes before each flush.
	flushes []int
}

// version is the content of a sector after a write. The first write has the number 0.
type version struct {
	write int
	data  []byte
}

// NewDisk returns a disk full of zeros. The size is in bytes, a multiple of sectorSize.
func NewDisk(size int64) *Disk { return &Disk{size: size, sectors: map[int64][]version{}} }

// Write records a write. It returns an error if the write is not aligned to sectors.
func (d *Disk) Write(data []byte, offset int64) error {
	if offset%sectorSize != 0 || len(data)%sectorSize != 0 || offset+int64(len(data)) > d.size {
		return fmt.Errorf("a write of %d bytes at %d of a disk of %d bytes", len(data), offset, d.size)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	data = slices.Clone(data)
	for first := offset / sectorSize; len(data) > 0; first++ {
		d.sectors[first] = append(d.sectors[first], version{d.recorded, data[:sectorSize]})
		data = data[sectorSize:]
	}
	d.recorded++
	return nil
}

// Flush records a flush of the writes so far.
func (d *Disk) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flushes = append(d.flushes, d.recorded)
}

// Position is a place in the order of writes and flushes.
type Position struct{ Writes, Flushes int }

// Position returns what was recorded so far.
func (d *Disk) Position() Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Position{d.recorded, len(d.flushes)}
}

// Flushes returns the positions right after each flush, from a position on.
func (d *Disk) Flushes(from Position) []Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Position
	for i := from.Flushes; i < len(d.flushes); i++ {
		all = append(all, Position{d.flushes[i], i + 1})
	}
	return all
}

// PowerCut is a moment at which a disk loses its power.
type PowerCut struct {
	// Flushed is the number of writes before the last flush. They are kept.
	Flushed int
	// Received is the number of writes before the cut. The disk may have kept some sectors of those after the last
	// flush.
	Received int
	// Seed chooses these sectors; 0 for none.
	Seed uint64
}

// CutAt returns the power cut at a moment. The disk keeps what was written before the last flush, and of the writes
// after it the sectors that the seed chooses; none if it is 0.
func (d *Disk) CutAt(moment Position, seed uint64) PowerCut {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := PowerCut{Received: moment.Writes, Seed: seed}
	if moment.Flushes > 0 {
		c.Flushed = d.flushes[moment.Flushes-1]
	}
	return c
}

// keeps reports whether a version of a sector survives.
func (c PowerCut) keeps(sector int64, v version) bool {
	switch {
	case v.write < c.Flushed:
		return true
	case v.write >= c.Received || c.Seed == 0:
		return false
	default:
		hash := fnv.New64a()
		fmt.Fprint(hash, c.Seed, sector, v.write)
		return hash.Sum64()&1 == 0
	}
}

// read reads sectors into b at an offset. Both are multiples of sectorSize. Versions that keeps rejects do not count.
func (d *Disk) read(b []byte, offset int64, keeps func(sector int64, v version) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for sector := offset / sectorSize; len(b) > 0; sector++ {
		clear(b[:sectorSize])
		for _, v := range slices.Backward(d.sectors[sector]) {
			if keeps(sector, v) {
				copy(b, v.data)
				break
			}
		}
		b = b[sectorSize:]
	}
}
