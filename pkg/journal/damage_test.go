package journal

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport_FirstDamageAndMatchingPrefix(t *testing.T) {
	const size = 256
	var foreign memoryFile
	appendEpoch(t, &foreign, Format{ID: "fedcba9876543210", RecordSize: 300}, 1, 3)
	for name, c := range map[string]struct {
		damage   func(b []byte) []byte
		offset   int64
		matching int
	}{
		"a flipped bit": {func(b []byte) []byte { b[7*size+100] ^= 1; return b }, 7 * size, 100},
		"a wrong time":  {func(b []byte) []byte { b[7*size+5] ^= 1; return b }, 7 * size, 0},
		"a zeroed page": {func(b []byte) []byte { clear(b[4096:8192]); return b }, 4096, 0},
		"a zeroed range within records": {func(b []byte) []byte {
			clear(b[1000:2000])
			return b
		}, 3 * size, 1000 - 3*size},
		"the first record": {func(b []byte) []byte { b[40] = '?'; return b }, 0, 40},
		"records cut out": {func(b []byte) []byte {
			return append(b[:10*size:10*size], b[15*size:]...)
		}, 10 * size, 0},
		"duplicated records": {func(b []byte) []byte {
			return append(append(b[:10*size:10*size], b[5*size:10*size]...), b[10*size:]...)
		}, 10 * size, 0},
		"records of another journal": {func(b []byte) []byte {
			return append(append(b[:2*size:2*size], foreign.Bytes()...), b[2*size:]...)
		}, 2 * size, 0},
		"a torn record": {func(b []byte) []byte { return b[:10*size+33] }, 10 * size, 33},
		"a torn record and a flipped bit": {func(b []byte) []byte {
			b[2*size+9] ^= 32
			return b[:10*size+33]
		}, 2 * size, 9},
		"an epoch without its first records": {func(b []byte) []byte {
			return append(b[:20*size:20*size], b[25*size:]...)
		}, 20 * size, 0},
	} {
		t.Run(name, func(t *testing.T) {
			content := c.damage(journalOf(t, 20, 20))
			report := scan(t, content)
			offset, found := report.FirstDamage()
			require.True(t, found)
			assert.Equal(t, c.offset, offset)
			assert.Equal(t, c.matching, report.MatchingPrefix(offset, content[offset:min(len(content), int(offset)+size)]))
		})
	}
}

// A torn record of a killed writer is not a loss, and must not hide a later one.
func TestReport_FirstDamageIsATornRecordOnlyWithoutOtherDamage(t *testing.T) {
	var file memoryFile
	appendEpoch(t, &file, testFormat, 1, 3)
	file.Truncate(2*256 + 77)
	appendEpoch(t, &file, testFormat, 2, 9)
	offset, found := scan(t, file.Bytes()).FirstDamage()
	assert.True(t, found)
	assert.Equal(t, int64(2*256), offset)
	content := bytes.Clone(file.Bytes())
	content[5*256+78+200] ^= 1
	offset, found = scan(t, content).FirstDamage()
	assert.True(t, found)
	assert.Equal(t, int64(5*256+78), offset)
}

func TestReport_FirstDamageIsARecordThatDoesNotFollowThePreviousOne(t *testing.T) {
	var earlier, later memoryFile
	appendEpoch(t, &earlier, testFormat, 1, 20)
	w, err := NewWriter(&later, testFormat, 1, 0, false)
	require.NoError(t, err)
	now := clock()
	now()
	_, err = w.Commit(20, now)
	require.NoError(t, err)
	content := append(bytes.Clone(earlier.Bytes()[:9*256]), later.Bytes()[9*256:]...)
	report := scan(t, content)
	assert.Empty(t, report.Damage)
	offset, found := report.FirstDamage()
	assert.True(t, found)
	assert.Equal(t, int64(9*256), offset)
}

func TestReport_FirstDamageOfAnIntactJournal(t *testing.T) {
	content := journalOf(t, 20, 20, 20)
	_, found := scan(t, content, Point{1, 7}, Point{2, 20}).FirstDamage()
	assert.False(t, found)
	_, found = scan(t, append(bytes.Clone(content), '\n', '\n')).FirstDamage()
	assert.False(t, found, "a later epoch may start with a newline")
	_, found = scan(t, nil).FirstDamage()
	assert.False(t, found)
}

func TestReport_FirstDamageIsAnUnreadableRange(t *testing.T) {
	report := scan(t, journalOf(t, 20))
	report.Unreadable = []Range{{Offset: 512, Length: 100}}
	offset, found := report.FirstDamage()
	assert.True(t, found)
	assert.Equal(t, int64(512), offset)
}

// Records of two writers may alternate if one of them was deleted by force.
func TestFirstDamage_FollowsEachEpoch(t *testing.T) {
	report := ScanReport{Segments: []Segment{
		{Epoch: 1, First: 1, Last: 4, Offset: 0}, {Epoch: 2, First: 1, Last: 3, Offset: 400},
		{Epoch: 1, First: 5, Last: 9, Offset: 700}, {Epoch: 2, First: 4, Last: 9, Offset: 1200},
	}}
	_, found := report.FirstDamage()
	assert.False(t, found)
	report.Segments[3].First = 5
	at, found := report.FirstDamage()
	assert.True(t, found)
	assert.Equal(t, int64(1200), at)
}
