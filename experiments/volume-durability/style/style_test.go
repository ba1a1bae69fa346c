package style

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMiddle_KeepsBothEnds(t *testing.T) {
	assert.Equal(t, "short", ShortenMiddle("short", 5))
	assert.Equal(t, "csi-e…stem", ShortenMiddle("csi-ext4/filesystem", 10))
	for width := range 25 {
		assert.LessOrEqual(t, runewidth.StringWidth(ShortenMiddle("longhorn-replicated/filesystem", width)), width)
		assert.LessOrEqual(t, runewidth.StringWidth(ShortenMiddle("ストレージ-クラス-名前", width)), width)
	}
}

func TestName_ShortensItsLongestParts(t *testing.T) {
	assert.Equal(t, "long…d-09/file…stem/other", ShortenName("longhorn-replicated-09/filesystem/other", 25))
	first, second := "longhorn-replicated-09/filesystem/other", "longhorn-replicated-10/filesystem/other"
	assert.NotEqual(t, ShortenName(first, 22), ShortenName(second, 22))
	for width := range 50 {
		assert.LessOrEqual(t, runewidth.StringWidth(ShortenName("longhorn-replicated-09/filesystem/other", width)), width)
	}
}

func TestWidth_IsThatOfCOLUMNSOr100(t *testing.T) {
	t.Setenv("COLUMNS", "")
	assert.Equal(t, 100, Width(&bytes.Buffer{}))
	t.Setenv("COLUMNS", "72")
	assert.Equal(t, 72, Width(&bytes.Buffer{}))
	t.Setenv("COLUMNS", "1")
	assert.Equal(t, 40, Width(&bytes.Buffer{}))
}

func TestPalette_FollowsTheFlagAndNoColor(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, bool(Auto.Palette(file)), "not a terminal")
	assert.True(t, bool(Always.Palette(file)))
	assert.False(t, bool(Never.Palette(file)))
	t.Setenv("NO_COLOR", "1")
	assert.True(t, bool(Always.Palette(file)), "the flag overrides NO_COLOR")
	var w When
	assert.ErrorContains(t, w.Set("sometimes"), "want one of auto, always, never")
}

func TestPalette_ColoursVerdicts(t *testing.T) {
	assert.Equal(t, "\x1b[32mPass   \x1b[0m", Palette(true).Verdict("Pass   "))
	assert.Equal(t, "\x1b[32mFail, as expected\x1b[0m", Palette(true).Verdict("Fail, as expected"))
	assert.Equal(t, "\x1b[31mFail\x1b[0m", Palette(true).Verdict("Fail"))
	assert.Equal(t, "Fail", Palette(false).Verdict("Fail"))
	assert.Equal(t, "VERDICT", Palette(true).Verdict("VERDICT"))
}

func wideTable() Table {
	color := func(_ int, verdict string) string { return Palette(true).Verdict(verdict) }
	return Table{
		Columns: []Column{
			{Title: "CELL", Name: true}, {Title: "VERDICT", Color: color},
			{Title: "FIRST TO GO", Drop: 1}, {Title: "GOES WITH IT", Drop: 1}, {Title: "LATER", Drop: 2, Right: true},
		},
		Rows: [][]string{{"longhorn-replicated-encrypted/filesystem/other", "Fail", "1", "2", "3"}},
	}
}

func TestTable_LeavesOutColumnsBeforeItShortensNames(t *testing.T) {
	title := func(width int) string { return strings.SplitN(wideTable().Render(width), "\n", 2)[0] }
	assert.Contains(t, title(200), "FIRST TO GO")
	assert.NotContains(t, title(60), "GOES WITH IT", "left out together with the other one")
	assert.Contains(t, title(60), "LATER")
	assert.NotContains(t, title(34), "LATER")
}

func TestTable_FitsTheWidth(t *testing.T) {
	for width := 20; width < 120; width++ {
		plain := strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "").Replace(wideTable().Render(width))
		for line := range strings.Lines(plain) {
			assert.LessOrEqual(t, runewidth.StringWidth(strings.TrimSuffix(line, "\n")), width, plain)
		}
	}
	assert.Contains(t, wideTable().Render(60), "/filesystem/other")
	assert.Contains(t, wideTable().Render(60), "\x1b[31mFail   \x1b[0m  ", "colours do not change the alignment")
}

func TestShortenNames_StayDifferent(t *testing.T) {
	var names []string
	for _, mode := range []string{"rwo", "rwop", "rox", "rwx"} {
		for _, kind := range []string{"graceful", "forced"} {
			names = append(names, "fast/"+mode+"/"+kind)
		}
	}
	for width := 8; width < 30; width++ {
		seen := map[string]bool{}
		for i, short := range ShortenNames(names, width) {
			assert.False(t, seen[short], "%s at %d columns", short, width)
			assert.LessOrEqual(t, runewidth.StringWidth(short), max(width, len("fast/rwop/gr")), names[i])
			seen[short] = true
		}
	}
	assert.Equal(t, []string{"fas…ful", "fas…ful"}, ShortenNames([]string{"fast-graceful", "fast-graceful"}, 7))
}

func TestTable_ShortensTheWidestNamesFirst(t *testing.T) {
	long := strings.Repeat("x", 36)
	table := Table{
		Columns: []Column{{Title: ""}, {Title: "BEFORE", Name: true}, {Title: "AFTER", Name: true}},
		Rows:    [][]string{{"run", long, long + "yyyy"}},
	}
	for width := 30; width < 100; width++ {
		for line := range strings.Lines(table.Render(width)) {
			assert.LessOrEqual(t, runewidth.StringWidth(strings.TrimRight(line, "\n")), width)
		}
	}
	assert.Equal(t, 2, strings.Count(table.Render(40), "…"))
}

func TestTable_ShortenedNamesStayDifferent(t *testing.T) {
	table := Table{Columns: []Column{{Title: "CELL", Name: true}, {Title: "VERDICT"}}, Rows: [][]string{
		{"fast/rwo/graceful", "Pass"}, {"fast/rwop/graceful", "Fail"},
	}}
	lines := strings.Split(table.Render(17), "\n")
	assert.NotEqual(t, strings.Fields(lines[1])[0], strings.Fields(lines[2])[0])
}
