package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMerge_ReportsTheSameDamageOnce(t *testing.T) {
	missing := Finding{Class: Missing, Epoch: 1, First: 1, Last: 100, Records: 100, Detail: "there is no journal"}
	missingBoth := Finding{Class: Missing, Epoch: 1, First: 1, LastEpoch: 2, Last: 50, Records: 150}
	lostFirst := Finding{Class: LostTail, Epoch: 1, First: 1, Last: 100, Records: 100}
	lostSecond := Finding{Class: LostTail, Epoch: 2, First: 1, Last: 50, Records: 50}
	tail := Finding{Class: LostTail, Epoch: 1, First: 61, Last: 100, Records: 40, Offset: 600, End: 600}
	longerTail := Finding{Class: LostTail, Epoch: 1, First: 41, Last: 100, Records: 60, Offset: 400, End: 400}
	corrupt := Finding{Class: Corrupt, Epoch: 1, First: 7, Last: 7, Records: 1, Offset: 60, End: 70}
	foreign := Finding{Class: Foreign, Epoch: 1, First: 1, Last: 100, Records: 100, End: 300}
	foreignRecords := Finding{Class: Foreign, Offset: 0, End: 300, Detail: "3 records of another run"}
	readOnly := Finding{Class: ReadOnly, Detail: "opening: read-only file system"}

	for name, c := range map[string]struct {
		scans [][]Finding
		want  []Finding
	}{
		"nothing":                         {[][]Finding{nil, nil}, nil},
		"one scan":                        {[][]Finding{{corrupt, tail}}, []Finding{corrupt, tail}},
		"both report the same":            {[][]Finding{{corrupt}, {corrupt}}, []Finding{corrupt}},
		"only the first reports it":       {[][]Finding{{corrupt}, nil}, []Finding{corrupt}},
		"only the last reports it":        {[][]Finding{nil, {corrupt}}, []Finding{corrupt}},
		"each reports another":            {[][]Finding{{corrupt}, {lostSecond}}, []Finding{corrupt, lostSecond}},
		"the later reports another class": {[][]Finding{{missing}, {lostFirst}}, []Finding{missing}},
		"the later also reports more": {
			[][]Finding{{missing}, {lostFirst, lostSecond}},
			[]Finding{missing, lostSecond},
		},
		"the loss grew":             {[][]Finding{{missing}, {missingBoth}}, []Finding{missingBoth}},
		"the lost tail grew":        {[][]Finding{{tail}, {longerTail}}, []Finding{longerTail}},
		"all, then a lost tail":     {[][]Finding{{missingBoth}, {tail}}, []Finding{missingBoth}},
		"a lost tail, then all":     {[][]Finding{{tail}, {missingBoth}}, []Finding{tail, missingBoth}},
		"foreign, then its records": {[][]Finding{{foreign}, {foreignRecords}}, []Finding{foreign}},
		"a finding without records": {[][]Finding{{corrupt}, {readOnly}}, []Finding{corrupt, readOnly}},
		"without records, twice":    {[][]Finding{{readOnly}, {readOnly}}, []Finding{readOnly}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, Merge(c.scans...)) })
	}
}

func TestMerge_KeepsTwoFindingsOfOneScanAboutTheSameRecords(t *testing.T) {
	scan := []Finding{
		{Class: Corrupt, Epoch: 1, First: 1, Last: 9, Records: 9},
		{Class: Duplicated, Epoch: 1, First: 3, Last: 4, Records: 2},
	}
	assert.Equal(t, scan, Merge(scan))
}
