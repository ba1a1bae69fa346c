// Package undo keeps what is needed to bring a file back to an earlier state: its
// size, and those of its bytes that have been overwritten since. Appending costs
// next to nothing, and nothing is kept twice. It knows no filesystem.
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

// save keeps what the image needs of a range that is about to change.
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

// needs is the parts of a range that the image does not hold yet. What lies after
// its size did not exist, and what is saved has changed before.
func (i *Image) needs(r extent.Range) []extent.Range {
	return i.saved.Missing(r.Clip(extent.Between(0, i.size)))
}

func (i *Image) keep(piece change.Edit) {
	i.saved.Add(piece.Range())
	i.pieces = append(i.pieces, piece)
}

// absorb takes over what a later image holds: what had not changed between the
// two was the same in both.
func (i *Image) absorb(later *Image) {
	for _, piece := range later.pieces {
		for _, part := range i.needs(piece.Range()) {
			i.keep(piece.Within(part))
		}
	}
}

// Size is the file's size in that state, in bytes.
func (i *Image) Size() int64 { return i.size }

// Change is what brings the file back to that state.
func (i *Image) Change() change.Change {
	return change.Change{Size: i.size, Edits: i.pieces}
}

// ChangedSince is what has been written since, in a file that is now of a given
// size in bytes.
func (i *Image) ChangedSince(size int64) extent.Set {
	var changed extent.Set
	for _, r := range i.saved.Ranges() {
		changed.Add(r.Clip(extent.Between(0, size)))
	}
	changed.Add(extent.Between(i.size, size))
	return changed
}

// Restoring is the edits that bring some ranges back to that state, zeros where
// nothing was.
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

// History is the states of a file that can be brought back: the last one that was
// synced, and those of the last while.
type History struct {
	// Keep is how long the states before synced writes are kept. With zero a state
	// is kept until the next sync only, one for all writes since the last.
	Keep   time.Duration
	states []state
}

type state struct {
	at     time.Time
	synced bool
	image  *Image
}

// Before is to be told of every change before it is made: when, the file's size
// in bytes, and the range whose bytes may be others afterwards.
func (h *History) Before(at time.Time, size int64, r extent.Range, f io.ReaderAt) error {
	h.forget(at)
	if h.Keep > 0 || len(h.states) == 0 {
		h.states = append(h.states, state{at: at, image: &Image{size: size}})
	}
	return h.states[len(h.states)-1].image.save(r, f)
}

// Synced says that everything up to now is on stable storage.
func (h *History) Synced(at time.Time) {
	for i := range h.states {
		h.states[i].synced = true
	}
	h.forget(at)
}

// forget drops the states that nothing can ask for any more.
func (h *History) forget(now time.Time) {
	old := 0
	for old < len(h.states) && h.states[old].synced && (h.Keep == 0 || now.Sub(h.states[old].at) > h.Keep) {
		old++
	}
	h.states = h.states[old:]
}

// Forget drops everything: what the file holds now is where it begins.
func (h *History) Forget() { h.states = nil }

// Unsynced is the state at the last sync; nil where nothing has changed since.
func (h *History) Unsynced() *Image {
	return h.first(func(s state) bool { return !s.synced })
}

// Since is the state at a time, or at the last sync where that was earlier; nil
// where nothing has changed since.
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
