package verdict

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// A Pass of the pattern remove must not suggest that the removal of files was tested if no file was removed.
func TestAddNotShown_NamesAPatternThatRemovedNothing(t *testing.T) {
	const limit = "the run tested only the creation of files, not what the write pattern remove does afterwards: no writer " +
		"had more than 32 acknowledged records (WRITE_OBJECTS)"
	acks := func(records ...uint64) (all []ledger.Ack) {
		for i, n := range records {
			all = append(all, ledger.Ack{Point: journal.Point{Epoch: i + 1, Seq: n}})
		}
		return all
	}
	for name, c := range map[string]struct {
		layout pattern.Layout
		acks   []ledger.Ack
		want   bool
	}{
		"too few records":              {pattern.Layout{Pattern: pattern.Remove, Objects: 32}, acks(32, 20, 32), true},
		"one file removed":             {pattern.Layout{Pattern: pattern.Remove, Objects: 32}, acks(20, 33), false},
		"no record":                    {pattern.Layout{Pattern: pattern.Remove, Objects: 32}, nil, false},
		"a pattern that only replaces": {pattern.Layout{Pattern: pattern.Replace, Objects: 32}, acks(5), false},
		"a pattern that only creates":  {pattern.Layout{Pattern: pattern.Create}, acks(5), false},
	} {
		cell := result.Cell{Layout: c.layout, Acks: c.acks}
		AddNotShown(&cell)
		if c.want {
			assert.Contains(t, cell.NotShown, limit, name)
		} else {
			assert.NotContains(t, cell.NotShown, limit, name)
		}
	}
}
