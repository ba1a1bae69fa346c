package result

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
)

func TestResult_TestedExcludesTheControl(t *testing.T) {
	named := func(name string, control bool) Cell {
		return Cell{Spec: options.CellSpec{Name: name, Control: control}}
	}
	r := Result{Cells: []Cell{named("a", false), named("control", true), named("b", false)}}
	var names []string
	for _, c := range r.Tested() {
		names = append(names, c.Spec.Name)
	}
	assert.Equal(t, []string{"a", "b"}, names)
	require.NotNil(t, r.Control())
	assert.Equal(t, "control", r.Control().Spec.Name)
	assert.Nil(t, Result{Cells: r.Tested()}.Control())
}

func TestCell_ReadsAreInOrderWithTheReaderLast(t *testing.T) {
	second, third, last := &JournalRead{}, &JournalRead{}, &JournalRead{}
	c := Cell{
		Epochs: []Epoch{{Number: 1}, {Number: 2, InitialRead: second}, {Number: 3, InitialRead: third}, {Number: 4}},
		Reader: last,
	}
	reads := c.Reads()
	require.Len(t, reads, 3)
	assert.Equal(t, []int{2, 3, 0}, []int{reads[0].Epoch, reads[1].Epoch, reads[2].Epoch})
	assert.Same(t, second, reads[0].JournalRead)
	assert.Same(t, third, reads[1].JournalRead)
	assert.Same(t, last, reads[2].JournalRead)
	assert.Empty(t, Cell{}.Reads())
}

// Without the complete lists, a later verification could not tell that an older state of the volume came back.
func TestWriterScans_EndWithCompleteLists(t *testing.T) {
	c := longCell(300, nil)
	want := wholeCell(300, nil).Epochs[299].InitialRead.ScanResult
	c.Reader = &JournalRead{ScanResult: wholeCell(301, nil).Epochs[300].InitialRead.ScanResult}
	c.Epochs[299].InitialRead.OmitWhatNextLists(c.Reader.ScanResult)
	c.ShortenEpochs(c.Acks)
	scans := c.WriterScans()
	assert.Len(t, scans, len(c.Reads())-1)
	assert.Equal(t, want.Segments, scans[len(scans)-1].Segments)
	c.Reader = nil
	assert.Len(t, c.WriterScans(), len(c.Reads()))
	assert.Empty(t, Cell{}.WriterScans())
}
