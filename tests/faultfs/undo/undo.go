// Package undo saves what is needed to restore an earlier state of a file: its size, and
// the bytes that were overwritten since. Appending costs almost nothing, and no byte is
// saved twice. The package does not depend on a filesystem.
package undo

import (
	"io"
	"time"

	"github.com/volume-durability/volume-durability/tests/faultfs/change"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// Image is an earlier state of a file.
type Image struct {
	size   int64
	saved  extent.Set
	pieces []change.Edit
}

// save saves what the image needs of a range that is about to change.
func (i *Image) save(r extent.Range, f io.ReaderAt) error {
	for _, part := range i.needs(r) {
		piece, err := change.Read(f, part)
		if err != nil {
			return err
		}
		i.keep(piece)
	}
	return nil
}

// needs returns the parts of a range that the image does not hold yet. Bytes after its size
// did not exist, and saved ranges have changed before.
func (i *Image) needs(r extent.Range) []extent.Range {
	return i.saved.Missing(r.Clip(extent.Between(0, i.size)))
}

func (i *Image) keep(piece change.Edit) {
	i.saved.Add(piece.Range())
	i.pieces = append(i.pieces, piece)
}

// absorb adds the bytes of a later image. Bytes that did not change between the two are the
// same in both.
func (i *Image) absorb(later *Image) {
	for _, piece := range later.pieces {
		for _, part := range i.needs(piece.Range()) {
			i.keep(piece.Within(part))
		}
	}
}

// Size returns the size of the file in that state, in bytes.
func (i *Image) Size() int64 { return i.size }

// Change returns the change that restores that state.
func (i *Image) Change() change.Change {
	return change.Change{Size: i.size, Edits: i.pieces}
}

// ChangedSince returns what was written since, in a file that now has a given size in bytes.
func (i *Image) ChangedSince(size int64) extent.Set {
	var changed extent.Set
	for _, r := range i.saved.Ranges() {
		changed.Add(r.Clip(extent.Between(0, size)))
	}
	changed.Add(extent.Between(i.size, size))
	return changed
}

// Restoring returns the edits that restore some ranges to that state. They write zeros where
// the file had no bytes.
func (i *Image) Restoring(ranges []extent.Range) []change.Edit {
	var edits []change.Edit
	for _, r := range ranges {
		edits = append(edits, change.Edit{Offset: r.Offset, Data: make([]byte, r.Length)})
		for _, piece := range i.pieces {
			if part := piece.Within(r); len(part.Data) > 0 {
				edits = append(edits, part)
			}
		}
	}
	return edits
}

// History holds the states of a file that can be restored: the last synced one, and those
// within the time Keep.
type History struct {
	// Keep is how long the states before synced writes are kept. With 0, there is one state
	// for all writes since the last sync, and it is kept until the next sync.
	Keep   time.Duration
	states []state
}

type state struct {
	at     time.Time
	synced bool
	image  *Image
}

// Before must be called before every change, with its time, the size of the file in bytes,
// and the range whose bytes may change.
func (h *History) Before(at time.Time, size int64, r extent.Range, f io.ReaderAt) error {
	h.forget(at)
	if h.Keep > 0 || len(h.states) == 0 {
		h.states = append(h.states, state{at: at, image: &Image{size: size}})
	}
	return h.states[len(h.states)-1].image.save(r, f)
}

// Synced marks everything up to now as synced.
func (h *History) Synced(at time.Time) {
	for i := range h.states {
		h.states[i].synced = true
	}
	h.forget(at)
}

// forget drops the states that are no longer needed.
func (h *History) forget(now time.Time) {
	old := 0
	for old < len(h.states) && h.states[old].synced && (h.Keep == 0 || now.Sub(h.states[old].at) > h.Keep) {
		old++
	}
	h.states = h.states[old:]
}

// Forget drops all states: the current content becomes the first state.
func (h *History) Forget() { h.states = nil }

// Unsynced returns the state at the last sync; nil if nothing has changed since.
func (h *History) Unsynced() *Image {
	return h.first(func(s state) bool { return !s.synced })
}

// Since returns the state at a time, or at the last sync if that was earlier; nil if nothing
// has changed since.
func (h *History) Since(t time.Time) *Image {
	return h.first(func(s state) bool { return !s.synced || !s.at.Before(t) })
}

func (h *History) first(wanted func(state) bool) *Image {
	var image *Image
	for _, s := range h.states {
		switch {
		case image != nil:
			image.absorb(s.image)
		case wanted(s):
			image = &Image{size: s.image.size}
			image.absorb(s.image)
		}
	}
	return image
}
