package fault

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/faultfs/change"
)

func TestParse_ReadsAFaultAndItsMoment(t *testing.T) {
	spec, err := Parse("bit-flip:offset=-100,bit=3", "close=2")
	require.NoError(t, err)
	assert.Equal(t, int64(-100), spec.Values.Number("offset"))
	assert.Equal(t, int64(3), spec.Values.Number("bit"))
	assert.Equal(t, Moment{When: OnClose, Count: 2}, spec.At)

	spec, err = Parse("roll-back:snapshot=sync:3", "command")
	require.NoError(t, err)
	assert.Equal(t, Moment{When: OnSync, Count: 3}, spec.Values.Moment("snapshot"))

	spec, err = Parse("slow-sync:delay=2s", "mount")
	require.NoError(t, err)
	assert.Equal(t, 2*time.Second, spec.Values.Duration("delay"))

	spec, err = Parse("sync-error", "close")
	require.NoError(t, err)
	assert.True(t, spec.Values.True("drop"))

	spec, err = Parse("", "close")
	require.NoError(t, err)
	assert.True(t, spec.None())
}

func TestParse_ReportsEveryMistake(t *testing.T) {
	_, err := Parse("bit-flip:bit=8,colour=red", "soon")
	for _, want := range []string{`"bit=8"`, "from 0 to 7", `"colour=red"`, "offset of bit-flip is missing", `"soon"`} {
		assert.ErrorContains(t, err, want)
	}
	for _, wrong := range []string{
		"bit-rot", "zero-page", "zero-page:page=x", "lose-file:page=1", "slow-sync:delay=2", "slow-sync:delay=-2s",
		"sync-error:drop=maybe", "unsupported", "unsupported:call=write", "unsupported:call=sync,errno=EIO",
		"roll-back:snapshot=close", "roll-back:snapshot=sync", "foreign-file:with=/none",
		"lose-synced", "lose-synced:last-bytes=1,age=1s", "lose-synced:records=1",
		"lose-rename:count=0", "lose-create:count=x", "lose-synced:last-bytes=0", "lose-synced:last-bytes=1,record-size=1",
	} {
		_, err := Parse(wrong, "close")
		assert.Error(t, err, wrong)
	}
	for _, wrong := range []string{
		"", "close=", "close=0", "sync", "sync=x", "bytes=-1", "mount=1", "command=2", "lists", "renames=0",
	} {
		_, err := Parse("lose-file", wrong)
		assert.Error(t, err, wrong)
	}
}

func TestMoment_IsReachedByItsProgress(t *testing.T) {
	for text, reached := range map[string]Progress{
		"close": {Closes: 1}, "close=2": {Closes: 2}, "sync=3": {Syncs: 3}, "bytes=100": {SyncedBytes: 120}, "mount": {},
		"creates=2": {Creates: 2}, "renames=2": {Renames: 3}, "unlinks=1": {Unlinks: 1}, "lists=4": {Lists: 4},
	} {
		moment, err := ParseMoment(text)
		require.NoError(t, err)
		assert.True(t, moment.Reached(reached), text)
		assert.Equal(t, text == "mount", moment.Reached(Progress{}), text)
	}
	moment, err := ParseMoment("command")
	require.NoError(t, err)
	assert.False(t, moment.Reached(Progress{Closes: 9, Syncs: 9, SyncedBytes: 9}))
}

func TestBitFlip_FlipsABitOfSeveralBytes(t *testing.T) {
	spec, err := Parse("bit-flip:offset=1,bit=0,count=2,step=3", "close")
	require.NoError(t, err)
	made, err := spec.Change(View{Content: bytes.NewReader(make([]byte, 5)), Size: 5})
	require.NoError(t, err)
	assert.Equal(t, []change.Edit{{Offset: 1, Data: []byte{1}}, {Offset: 4, Data: []byte{1}}}, made.Edits)
	_, err = spec.Change(View{Content: bytes.NewReader(make([]byte, 4)), Size: 4})
	assert.Error(t, err)
}

func TestBitFlip_FlipsOneBit(t *testing.T) {
	spec, err := Parse("bit-flip:offset=0,bit=2", "close")
	require.NoError(t, err)
	for was, is := range map[byte]byte{0x00: 0x04, 0xff: 0xfb} {
		made, err := spec.Change(View{Content: bytes.NewReader([]byte{was}), Size: 1})
		require.NoError(t, err)
		assert.Equal(t, []byte{is}, made.Edits[0].Data)
	}
}

var update = flag.Bool("update", false, "write the table of faults to the README")

// With -update, the test writes the table to the README.
func TestREADME_ListsTheFaults(t *testing.T) {
	const begin, end = "<!-- faults -->\n", "<!-- /faults -->"
	path := filepath.Join("..", "README.md")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), begin)
	require.True(t, found)
	listed, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+readme()+end+after), 0o644))
		return
	}
	assert.Equal(t, readme(), listed, "go test ./fault -update writes it")
}

func readme() string {
	var lines strings.Builder
	lines.WriteString("| fault | parameters | what it does | stands for |\n|---|---|---|---|\n")
	for _, f := range Table() {
		var parameters []string
		for _, p := range f.Parameters {
			parameters = append(parameters, fmt.Sprintf("`%s`: %s", p.Name, p.Describe()))
		}
		fmt.Fprintf(&lines, "| `%s` | %s | %s | %s |\n", f.Name, strings.Join(parameters, "<br>"), f.Does, f.StandsFor)
	}
	return lines.String()
}
