package expect

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
	"github.com/volume-durability/volume-durability/tests/faultfs/extent"
)

// damage is one to 100 records of 256 bytes, of which 90 were acknowledged.
func damage(sizeAfter int64, ranges ...extent.Range) Damage {
	return Damage{Event: event.Event{SizeBefore: 25600, SizeAfter: sizeAfter, Ranges: ranges}, RecordSize: 256, Acknowledged: []uint64{90, 70}}
}

func TestWhatIsExpected(t *testing.T) {
	for name, c := range map[string]struct {
		rule   Rule
		damage Damage
		want   []Finding
	}{
		"nothing":                            {Nothing, damage(0), nil},
		"all":                                {All(2, judge.Missing), damage(0), []Finding{{judge.Missing, 2, 1, 70}}},
		"no record":                          {Without(judge.ReadOnly), damage(25600), []Finding{{Class: judge.ReadOnly}}},
		"a tail of whole records":            {Tail(judge.LostTail), damage(80 * 256), []Finding{{judge.LostTail, 1, 81, 90}}},
		"a tail that begins within a record": {Tail(judge.LostTail), damage(80*256 + 1), []Finding{{judge.Torn, 1, 81, 81}, {judge.LostTail, 1, 82, 90}}},
		"only the last record is torn":       {Tail(judge.LostTail), damage(90*256 - 1), []Finding{{judge.Torn, 1, 90, 90}}},
		"a tail that nobody was promised":    {Tail(judge.LostTail), damage(90 * 256), nil},
		"and one torn":                       {Tail(judge.LostTail), damage(90*256 + 1), nil},
		"a byte":                             {Bytes(judge.Corrupt), damage(25600, extent.Range{Offset: 512, Length: 1}), []Finding{{judge.Corrupt, 1, 3, 3}}},
		"a byte that nobody was promised":    {Bytes(judge.Corrupt), damage(25600, extent.Range{Offset: 90 * 256, Length: 1}), nil},
		"several":                            {Bytes(judge.Corrupt), damage(25600, extent.Range{Offset: 511, Length: 1}, extent.Range{Offset: 600, Length: 2}), []Finding{{judge.Corrupt, 1, 2, 3}}},
		"a page":                             {Page(1, judge.Corrupt), damage(25600), []Finding{{judge.Corrupt, 1, 17, 32}}},
		"a page that was promised in part":   {Page(5, judge.Corrupt), damage(25600), []Finding{{judge.Corrupt, 1, 81, 90}}},
		"two pages": {Each(Page(2, judge.Reordered), Page(1, judge.Corrupt)), damage(25600),
			[]Finding{{judge.Corrupt, 1, 17, 32}, {judge.Reordered, 1, 33, 48}}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, c.rule(c.damage)) })
	}
}

func TestFindingsAreReducedAndInOrder(t *testing.T) {
	assert.Equal(t, []Finding{{judge.ReadOnly, 0, 0, 0}, {judge.Corrupt, 1, 1, 2}, {judge.LostTail, 2, 5, 9}}, Of([]judge.Finding{
		{Class: judge.LostTail, Epoch: 2, First: 5, Last: 9, Records: 5, Offset: 4},
		{Class: judge.ReadOnly, Detail: "because"},
		{Class: judge.Corrupt, Epoch: 1, First: 1, Last: 2, Records: 2},
	}))
}
