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
