package style

import (
	"io"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
)

// WrapWidth returns the width at which long lines are wrapped: that of a terminal. It returns 0, which is no limit, if
// out is not a terminal, because programs and searches read lines.
func WrapWidth(out io.Writer) int {
	if _, _, ok := Size(out); !ok {
		return 0
	}
	return Width(out)
}

// listItem begins an item of a list.
const listItem = "- "

// Wrap breaks the lines of a text at spaces, so that none is wider than width, as far as its words allow. The rest of a
// line is indented as the line is, and the rest of a list item as its text is. A width of 0 is no limit.
func Wrap(text string, width int) string {
	if width <= 0 {
		return text
	}
	var wrapped strings.Builder
	for line := range strings.Lines(text) {
		content, newline := strings.CutSuffix(line, "\n")
		wrapped.WriteString(wrapLine(content, width))
		if newline {
			wrapped.WriteString("\n")
		}
	}
	return wrapped.String()
}

func wrapLine(line string, width int) string {
	if printedWidth(line) <= width {
		return line
	}
	content := strings.TrimLeft(line, " ")
	indent := strings.Repeat(" ", len(line)-len(content))
	hanging := indent
	if strings.HasPrefix(content, listItem) {
		hanging += strings.Repeat(" ", len(listItem))
	}
	return indent + strings.Join(Words(content, width-len(indent), width-len(hanging)), "\n"+hanging)
}

// Words breaks a text at spaces into lines. The first line has at most first columns and the others at most others, as
// far as the words allow.
func Words(text string, first, others int) []string {
	var lines []string
	current, limit := "", first
	for word := range strings.SplitSeq(text, " ") {
		switch {
		case current == "":
			current = word
		case printedWidth(current)+1+printedWidth(word) <= limit:
			current += " " + word
		default:
			lines = append(lines, current)
			current, limit = word, others
		}
	}
	return append(lines, current)
}

// escape matches the sequences that set colours, which take no column.
var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

func printedWidth(text string) int { return runewidth.StringWidth(escape.ReplaceAllString(text, "")) }
