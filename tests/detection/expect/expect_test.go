package expect

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// damage returns a damage to 100 records of 256 bytes, of which 90 were acknowledged.
func damage(sizeAfter int64, ranges ...extent.Range) Damage {
	done := event.Event{SizeBefore: 25600, SizeAfter: sizeAfter, Ranges: ranges}
	return Damage{Event: done, RecordSize: 256, Acknowledged: []uint64{90, 70}}
}

func TestRule_ReturnsExpectedFindings(t *testing.T) {
	tail := Tail(judge.LostTail)
	corrupt := Bytes(judge.Corrupt)
	at := func(offset, length int64) extent.Range { return extent.Range{Offset: offset, Length: length} }
	for name, c := range map[string]struct {
		rule   Rule
		damage Damage
		want   []Finding
	}{
		"no finding":              {NoFinding, damage(0), nil},
		"all records":             {AllRecords(2, judge.Missing), damage(0), []Finding{{judge.Missing, 2, 1, 70}}},
		"no records":              {NoRecords(judge.ReadOnly), damage(25600), []Finding{{Class: judge.ReadOnly}}},
		"a tail of whole records": {tail, damage(80 * 256), []Finding{{judge.LostTail, 1, 81, 90}}},
		"a tail that begins within a record": {tail, damage(80*256 + 1),
			[]Finding{{judge.Torn, 1, 81, 81}, {judge.LostTail, 1, 82, 90}}},
		"only the last record is torn":  {tail, damage(90*256 - 1), []Finding{{judge.Torn, 1, 90, 90}}},
		"an unacknowledged tail":        {tail, damage(90 * 256), nil},
		"an unacknowledged torn record": {tail, damage(90*256 + 1), nil},
		"the last records":              {LastRecords(8, judge.Stale), damage(0), []Finding{{judge.Stale, 1, 83, 90}}},
		"more than there are":           {LastRecords(91, judge.Stale), damage(0), []Finding{{judge.Stale, 1, 1, 90}}},
		"a byte":                        {corrupt, damage(25600, at(512, 1)), []Finding{{judge.Corrupt, 1, 3, 3}}},
		"an unacknowledged byte":        {corrupt, damage(25600, at(90*256, 1)), nil},
		"several ranges": {corrupt, damage(25600, at(511, 1), at(600, 2)),
			[]Finding{{judge.Corrupt, 1, 2, 3}}},
		"a page":                             {Page(1, judge.Corrupt), damage(25600), []Finding{{judge.Corrupt, 1, 17, 32}}},
		"a page that is partly acknowledged": {Page(5, judge.Corrupt), damage(25600), []Finding{{judge.Corrupt, 1, 81, 90}}},
		"two pages": {Combine(Page(2, judge.Reordered), Page(1, judge.Corrupt)), damage(25600),
			[]Finding{{judge.Corrupt, 1, 17, 32}, {judge.Reordered, 1, 33, 48}}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, c.rule(c.damage)) })
	}
}

func TestReduce_SortsFindings(t *testing.T) {
	want := []Finding{{judge.ReadOnly, 0, 0, 0}, {judge.Corrupt, 1, 1, 2}, {judge.LostTail, 2, 5, 9}}
	assert.Equal(t, want, Reduce([]judge.Finding{
		{Class: judge.LostTail, Epoch: 2, First: 5, Last: 9, Records: 5, Offset: 4},
		{Class: judge.ReadOnly, Detail: "because"},
		{Class: judge.Corrupt, Epoch: 1, First: 1, Last: 2, Records: 2},
	}))
}

func TestClasses_LeavesOutTheRecords(t *testing.T) {
	assert.Equal(t, []Finding{{Class: judge.Missing}, {Class: judge.Stale}}, Classes([]Finding{
		{judge.Stale, 1, 3, 4}, {judge.Missing, 1, 1, 1}, {judge.Stale, 2, 3, 4},
	}))
	assert.Empty(t, Classes(nil))
}
