package style

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrap_BreaksLongLinesOnly(t *testing.T) {
	text := "Error: short\n  a reason of several words, which is long\n\n  - an item of several words, which is long\nlast"
	assert.Equal(t, "Error: short\n  a reason of several\n  words, which is long\n\n  - an item of several\n"+
		"    words, which is\n    long\nlast", Wrap(text, 22))
	assert.Equal(t, text, Wrap(text, 0), "no limit")
	assert.Equal(t, "a\nlongwordthatdoesnotfit\nb", Wrap("a longwordthatdoesnotfit b", 10))
	red := Palette(true).Bad("four letters") + " word"
	assert.Equal(t, red, Wrap(red, len("four letters word")), "colours take no column")
}

func TestWrapWidth_IsThatOfATerminal(t *testing.T) {
	assert.Zero(t, WrapWidth(&bytes.Buffer{}))
	file, err := os.Create(t.TempDir() + "/file")
	require.NoError(t, err)
	defer file.Close()
	t.Setenv("COLUMNS", "50")
	assert.Zero(t, WrapWidth(file))
}

func TestWrap_LosesNoWord(t *testing.T) {
	text := "  - " + strings.Repeat("word and ", 30)
	for width := 5; width < 90; width++ {
		assert.Equal(t, strings.Fields(text), strings.Fields(Wrap(text, width)))
	}
}

func TestWrap_KeepsCommandsAndPathsWhole(t *testing.T) {
	const command = "volume-durability cleanup --run 1"
	text := "To remove it: " + Whole(command) + "\n"
	assert.Equal(t, "To remove it:\n"+command+"\n", Wrap(text, 20))
	assert.Equal(t, "To remove it: "+command+"\n", Wrap(text, 0))
}

func TestWrap_KeepsNumbersWhole(t *testing.T) {
	assert.Equal(t, "at byte\n1 099 328 of\nit", Wrap("at byte 1 099 328 of it", 12))
}

func TestHang_IndentsTheOtherLines(t *testing.T) {
	assert.Equal(t, "Creates    claim a;\n           pods b\n           and c",
		Hang("Creates    ", "claim a; pods b and c", 20))
	assert.Equal(t, "Creates    claim a; pods b and c", Hang("Creates    ", "claim a; pods b and c", 0))
}

func TestFprintf_WrapsNothingOutsideATerminal(t *testing.T) {
	var out bytes.Buffer
	text := strings.Repeat("word ", 50)
	Fprintf(&out, "%s%s\n", text, Whole("a b"))
	assert.Equal(t, text+"a b\n", out.String())
}

func TestWrapping_ReportsWhatItWasGiven(t *testing.T) {
	var out bytes.Buffer
	n, err := Wrapping(&out).Write([]byte(Whole("a b")))
	require.NoError(t, err)
	assert.Equal(t, len(Whole("a b")), n)
	assert.Equal(t, "a b", out.String())
}

// Messages that are printed in another way are not wrapped on a terminal.
func TestFprintf_PrintsAllMessages(t *testing.T) {
	direct := regexp.MustCompile(`fmt\.Fprint(f|ln)?\([\w.]*[eE]rrOut\b`)
	for _, folder := range []string{"../command", "../localcmd", "../terminal"} {
		files, err := filepath.Glob(folder + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.NotRegexp(t, direct, string(source), file)
		}
	}
}

func TestWrap_KeepsTheCommandsOfAdviceWhole(t *testing.T) {
	assert.Equal(t, "error: it is full. To\nfix this:\nkubectl describe pod -n stig p,\nand the log of the\ndriver\n",
		Wrap("error: it is full. To fix this: kubectl describe pod -n stig p, and the log of the driver\n", 22))
	assert.Equal(t, "fix:\nvolume-durability cleanup -n stig --run 5f6c,\nor volume-durability doctor\nlists them",
		Wrap("fix: volume-durability cleanup -n stig --run 5f6c, or volume-durability doctor lists them", 28))
	assert.Equal(t, []string{"a", "kubectl get nodes;", "b"}, Words("a kubectl get nodes; b", 5, 5))
}
