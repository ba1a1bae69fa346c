package chart

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func place(n uint64) string { return fmt.Sprint(n) }

func TestMap_HasASquareForEachPlace(t *testing.T) {
	m := Map{Noun: "slot", Places: 100, Format: place, Parts: []MapPart{
		{First: 0, Last: 49, Kind: Acked, Title: "intact"}, {First: 50, Last: 50, Kind: Lost, Title: "stale"},
		{First: 52, Last: 99, Kind: Acked, Title: "intact"},
	}}
	all := shapes(t, m.SVG())
	lost := ofClass(all, "lost")
	assert.Len(t, lost, 1)
	assert.Equal(t, number(100*50.0/64)+"%", attr(lost[0], "x"))
	assert.Len(t, ofClass(all, "absent"), 1, "slot 51")
	assert.Len(t, ofClass(all, "part-acked"), 3, "a run before, one after, and the second row")
}

func TestMap_OfManyPlacesShowsTheWorstOfEachSquare(t *testing.T) {
	m := Map{Noun: "slot", Places: 1 << 20, Format: place}
	for i := range uint64(1 << 19) { // every other slot, and one of them is lost
		m.Parts = append(m.Parts, MapPart{First: 2 * i, Last: 2 * i, Kind: Acked, Title: "intact"})
	}
	m.Parts[1000].Kind, m.Parts[1000].Title = Lost, "stale"
	svg := m.SVG()
	all := shapes(t, svg)
	assert.Len(t, ofClass(all, "lost"), 1)
	assert.Contains(t, string(svg), "slots 1024 to 2047, of which slot 2000: stale")
	assert.Less(t, len(all), 3000)
	assert.Equal(t, uint64(1024), m.PerSquare())
}

func TestMap_OfNoPlace(t *testing.T) {
	assert.NotPanics(t, func() { shapes(t, Map{Format: place}.SVG()) })
}
