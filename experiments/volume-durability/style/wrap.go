package style

import (
	"fmt"
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

// Fprintf prints a message, which is wrapped on a terminal. Text that Whole has marked stays in one line.
func Fprintf(out io.Writer, format string, args ...any) {
	// A message that cannot be written does not end a command.
	_, _ = io.WriteString(out, Wrap(fmt.Sprintf(format, args...), WrapWidth(out)))
}

// Wrapping returns a writer that wraps whole lines if out is a terminal.
func Wrapping(out io.Writer) io.Writer { return wrapping{out} }

type wrapping struct{ out io.Writer }

func (w wrapping) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.out, Wrap(string(b), WrapWidth(w.out))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// wholeSpace stands for a space at which Wrap does not break a line. It is of a Private Use Area of Unicode.
const wholeSpace = "\uE000"

// commands matches the commands in advice, up to the punctuation after them.
var commands = regexp.MustCompile(`\b(kubectl( [^\s;]*[^\s;,.])+|volume-durability [a-z]+( --?[a-z-]+( [^\s;,-][^\s;,]*)?)*)`)

// groupedNumbers matches numbers whose digits are in groups, as judge.FormatCount writes them.
var groupedNumbers = regexp.MustCompile(`\b\d{1,3}( \d{3})+\b`)

// Whole marks a command or a path, so that Wrap does not break it. Wrap removes the mark. Wrap itself marks commands of
// kubectl and of this program, and numbers with groups of digits.
func Whole(text string) string { return strings.ReplaceAll(text, " ", wholeSpace) }

// Hang returns text after a head. If it is wider than width, its other lines begin below the first word after the head.
// A width of 0 is no limit. Wrap must follow, to remove the marks of Whole.
func Hang(head, text string, width int) string {
	if width <= 0 {
		return head + text
	}
	indent := printedWidth(head)
	return head + strings.Join(words(text, width-indent, width-indent), "\n"+strings.Repeat(" ", indent))
}

// listItem begins an item of a list.
const listItem = "- "

// Wrap breaks the lines of a text at spaces, so that none is wider than width, as far as its words allow. The rest of a
// line is indented as the line is, and the rest of a list item as its text is. A width of 0 is no limit.
func Wrap(text string, width int) string {
	if width <= 0 {
		return strings.ReplaceAll(text, wholeSpace, " ")
	}
	var wrapped strings.Builder
	for line := range strings.Lines(text) {
		content, newline := strings.CutSuffix(line, "\n")
		wrapped.WriteString(wrapLine(content, width))
		if newline {
			wrapped.WriteString("\n")
		}
	}
	return strings.ReplaceAll(wrapped.String(), wholeSpace, " ")
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
	return indent + strings.Join(words(content, width-len(indent), width-len(hanging)), "\n"+hanging)
}

// Words breaks a text at spaces into lines. The first line has at most first columns and the others at most others, as
// far as the words and the commands allow.
func Words(text string, first, others int) []string {
	lines := words(text, first, others)
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(line, wholeSpace, " ")
	}
	return lines
}

// words is Words without removing the marks of Whole.
func words(text string, first, others int) []string {
	text = groupedNumbers.ReplaceAllStringFunc(commands.ReplaceAllStringFunc(text, Whole), Whole)
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

func printedWidth(text string) int {
	text = strings.ReplaceAll(text, wholeSpace, " ")
	return runewidth.StringWidth(escape.ReplaceAllString(text, ""))
}
