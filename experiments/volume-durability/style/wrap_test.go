package style

import (
	"bytes"
	"os"
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
