package fault

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/volume-durability/volume-durability/tests/faultfs/change"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
	"github.com/volume-durability/volume-durability/tests/faultfs/undo"
)

// View is the state of the target at the moment of the fault.
type View struct {
	Content io.ReaderAt
	// Size is the size of the target in bytes.
	Size int64
	// LastWrite is the range of the last write; its length is 0 if there was none.
	LastWrite extent.Range
	// Unsynced is the state at the last sync; nil if nothing has changed since.
	Unsynced *undo.Image
	// Since returns the state before a time span, or at the last sync if that was earlier;
	// nil if nothing has changed since.
	Since func(time.Duration) *undo.Image
}

type content func(View, Values) (change.Change, error)

// Change returns the fault's change of the target's content. A place outside of the file is
// an error.
func (s Spec) Change(v View) (change.Change, error) { return s.Fault.content(v, s.Values) }

// unchanged returns a change that keeps the size.
func (v View) unchanged(edits ...change.Edit) change.Change {
	return change.Change{Size: v.Size, Edits: edits}
}

func (v View) restored(image *undo.Image) change.Change {
	if image == nil {
		return v.unchanged()
	}
	return image.Change()
}

func loseUnsynced(v View, _ Values) (change.Change, error) { return v.restored(v.Unsynced), nil }

func loseSynced(v View, values Values) (change.Change, error) {
	if values.Given("age") {
		return v.restored(v.Since(values.Duration("age"))), nil
	}
	lost := values.Number("last-bytes") + values.Number("records")*values.Number("record-size")
	left := v.restored(v.Unsynced)
	if lost > left.Size {
		return left, fmt.Errorf("cannot lose %d bytes: only %d are synced", lost, left.Size)
	}
	left.Size -= lost
	return left, nil
}

func oneWayToLose(values Values) error {
	ways := 0
	for _, way := range []string{"last-bytes", "records", "age"} {
		if values.Given(way) {
			ways++
		}
	}
	if ways != 1 || values.Given("records") != values.Given("record-size") {
		return errors.New("parameters of lose-synced: want one of last-bytes=…, records=… with record-size=…, age=…")
	}
	return nil
}

func tornWrite(v View, values Values) (change.Change, error) {
	if v.LastWrite.Length == 0 {
		return change.Change{}, errors.New("nothing has been written")
	}
	keep, err := placeIn(v.LastWrite.Length, values.Number("keep"), "byte of the last write")
	if err != nil {
		return change.Change{}, err
	}
	end := v.LastWrite.Offset + keep
	if end > v.Size {
		return change.Change{}, fmt.Errorf("the file ends at %d, before the place to tear at %d", v.Size, end)
	}
	return change.Change{Size: end}, nil
}

func bitFlip(v View, values Values) (change.Change, error) {
	first, err := placeIn(v.Size, values.Number("offset"), "byte")
	if err != nil {
		return change.Change{}, err
	}
	var edits []change.Edit
	for i := range values.Number("count") {
		flipped, err := v.flip(first+i*values.Number("step"), values.Number("bit"))
		if err != nil {
			return change.Change{}, err
		}
		edits = append(edits, flipped)
	}
	return v.unchanged(edits...), nil
}

// flip returns the byte at an offset with one bit flipped.
func (v View) flip(offset, bit int64) (change.Edit, error) {
	offset, err := placeIn(v.Size, offset, "byte")
	if err != nil {
		return change.Edit{}, err
	}
	flipped, err := change.Read(v.Content, extent.Range{Offset: offset, Length: 1})
	if err != nil {
		return change.Edit{}, err
	}
	flipped.Data[0] ^= 1 << bit
	return flipped, nil
}

func zeroPage(v View, values Values) (change.Change, error) {
	page, err := v.Page(values.Number("page"))
	return v.unchanged(zeros(page)), err
}

func zeros(r extent.Range) change.Edit {
	return change.Edit{Offset: r.Offset, Data: make([]byte, r.Length)}
}

func misdirectedPage(v View, values Values) (change.Change, error) {
	page, to, err := v.twoPages(values)
	landed := change.Edit{Offset: to.Offset, Data: page.Data}
	return v.unchanged(zeros(page.Range()), landed), err
}

func swapPages(v View, values Values) (change.Change, error) {
	page, to, err := v.twoPages(values)
	return v.unchanged(
		change.Edit{Offset: to.Offset, Data: page.Data},
		change.Edit{Offset: page.Offset, Data: to.Data},
	), err
}

func duplicatePage(v View, values Values) (change.Change, error) {
	page, to, err := v.twoPages(values)
	return v.unchanged(change.Edit{Offset: to.Offset, Data: page.Data}), err
}

func truncate(v View, values Values) (change.Change, error) {
	size := values.Number("size")
	if size < 0 {
		size += v.Size
	}
	if size < 0 || size > v.Size {
		return change.Change{}, fmt.Errorf("size %d is outside of the file, which has %d bytes",
			values.Number("size"), v.Size)
	}
	return change.Change{Size: size}, nil
}

func foreignFile(_ View, values Values) (change.Change, error) {
	content, err := os.ReadFile(values.Text("with"))
	return change.Change{Size: int64(len(content)), Edits: []change.Edit{{Data: content}}}, err
}

// Page returns the range of a page of the target; a negative number counts from the end.
func (v View) Page(number int64) (extent.Range, error) {
	page, err := placeIn(v.Size/PageSize, number, "whole page")
	return extent.Range{Offset: page * PageSize, Length: PageSize}, err
}

// twoPages reads the pages of the parameters page and to.
func (v View) twoPages(values Values) (page, to change.Edit, err error) {
	pageAt, errPage := v.Page(values.Number("page"))
	toAt, errTo := v.Page(values.Number("to"))
	if err := errors.Join(errPage, errTo); err != nil {
		return page, to, err
	}
	page, errPage = change.Read(v.Content, pageAt)
	to, errTo = change.Read(v.Content, toAt)
	return page, to, errors.Join(errPage, errTo)
}

// placeIn resolves a number that counts from the end if it is negative.
func placeIn(count, number int64, what string) (int64, error) {
	at := number
	if at < 0 {
		at += count
	}
	if at < 0 || at >= count {
		return 0, fmt.Errorf("there is no %s %d: there are %d", what, number, count)
	}
	return at, nil
}
