// Package style fits text to a terminal: its width, its colours, and tables that are not wider than it.
package style

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// The widths of text. A narrower terminal gets text of the minimum width.
const (
	// fallbackWidth is the width if the output is not a terminal.
	fallbackWidth = 100
	minWidth      = 40
)

// Width returns the number of columns for text that is written to out: COLUMNS if it is set, the width of the
// terminal, or 100 if out is not a terminal.
func Width(out io.Writer) int {
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return max(columns, minWidth)
	}
	if columns, _, ok := Size(out); ok {
		return max(columns, minWidth)
	}
	return fallbackWidth
}

// Size returns the size of a terminal. Ok is false if out is not a terminal.
func Size(out io.Writer) (columns, lines int, ok bool) {
	file, isFile := out.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	columns, lines, err := term.GetSize(int(file.Fd()))
	return columns, lines, err == nil && columns > 0 && lines > 0
}

// HasCursor reports whether out is a terminal whose cursor can be moved.
func HasCursor(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// When is the value of --color: when text is coloured.
type When string

// The values of --color.
const (
	Auto   When = "auto"
	Always When = "always"
	Never  When = "never"
)

// Choices returns the values of --color.
func Choices() []string { return []string{string(Auto), string(Always), string(Never)} }

// Set parses a value of --color.
func (w *When) Set(value string) error {
	if !slices.Contains(Choices(), value) {
		return fmt.Errorf("want one of %s", strings.Join(Choices(), ", "))
	}
	*w = When(value)
	return nil
}

// Type implements pflag.Value.
func (*When) Type() string { return "when" }

func (w *When) String() string { return string(*w) }

// Palette returns the colours of text that is written to out. With Auto, only text on a terminal is coloured, and only
// if NO_COLOR is empty (https://no-color.org).
func (w When) Palette(out io.Writer) Palette {
	return Palette(w == Always || w != Never && os.Getenv("NO_COLOR") == "" && HasCursor(out))
}

// Palette colours text if it is true.
type Palette bool

// The parameters of SGR, the escape sequence that sets colours (ECMA-48, 8.3.117).
const (
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (p Palette) color(parameter, text string) string {
	if !bool(p) || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + parameter + "m" + text + "\x1b[0m"
}

// Good colours what is as it should be.
func (p Palette) Good(text string) string { return p.color(green, text) }

// Bad colours a failure.
func (p Palette) Bad(text string) string { return p.color(red, text) }

// Notice colours what a user should look at.
func (p Palette) Notice(text string) string { return p.color(yellow, text) }

// Faint colours what is less important.
func (p Palette) Faint(text string) string { return p.color(faint, text) }

// Verdict colours text that begins with a verdict, or with the label of a control's verdict.
func (p Palette) Verdict(text string) string {
	label := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(label, "Pass"), strings.Contains(label, "as expected"):
		return p.Good(text)
	case strings.HasPrefix(label, "Fail"), strings.HasPrefix(label, "Loss not detected"):
		return p.Bad(text)
	case strings.HasPrefix(label, "Error"), strings.HasPrefix(label, "Stopped"):
		return p.Notice(text)
	case strings.HasPrefix(label, "Skipped"), strings.HasPrefix(label, "N/A"):
		return p.Faint(text)
	}
	return text
}

// ShortenName shortens the name of a cell to a width. The parts of the name are separated by slashes. The longest parts
// are shortened, in the middle, so that names which differ in one part still differ.
func ShortenName(name string, width int) string {
	const shortest = 3
	parts := strings.Split(name, "/")
	widths, total := make([]int, len(parts)), len(parts)-1
	for i, p := range parts {
		widths[i] = runewidth.StringWidth(p)
		total += widths[i]
	}
	for ; total > width; total-- {
		longest := 0
		for i, w := range widths {
			if w > widths[longest] {
				longest = i
			}
		}
		if widths[longest] <= shortest {
			break
		}
		widths[longest]--
	}
	for i := range parts {
		parts[i] = ShortenMiddle(parts[i], widths[i])
	}
	return ShortenMiddle(strings.Join(parts, "/"), width)
}

// ShortenNames shortens names of cells as ShortenName does, but different names stay different. A name stays wider than
// width if nothing shorter distinguishes it.
func ShortenNames(names []string, width int) []string {
	shortened := make([]string, len(names))
	nameOf, isShared := map[string]string{}, map[string]bool{}
	for i, name := range names {
		short := ShortenName(name, width)
		if other, used := nameOf[short]; used && other != name {
			isShared[short] = true
		}
		shortened[i], nameOf[short] = short, name
	}
	for i, name := range names {
		if isShared[shortened[i]] {
			shortened[i] = distinctName(name, names, width)
		}
	}
	return shortened
}

// distinctName leaves out a part of a name that no other name has in that place, so that the rest fits no other name.
func distinctName(name string, all []string, width int) string {
	total := runewidth.StringWidth(name)
	for kept := max(width-1, 0); kept < total-1; kept++ {
		for i := range kept + 1 {
			head := (kept/2 + i) % (kept + 1) // the middle first
			start := runewidth.Truncate(name, head, "")
			end := runewidth.TruncateLeft(name, total-(kept-head), "")
			if !slices.ContainsFunc(all, func(other string) bool {
				return other != name && len(other) >= len(start)+len(end) &&
					strings.HasPrefix(other, start) && strings.HasSuffix(other, end)
			}) {
				return start + "…" + end
			}
		}
	}
	return name
}

// ShortenMiddle shortens text to a width by leaving out its middle.
func ShortenMiddle(text string, width int) string {
	excess := runewidth.StringWidth(text) - width
	if excess <= 0 {
		return text
	}
	if width <= 1 {
		return runewidth.Truncate(text, width, "")
	}
	head := runewidth.Truncate(text, width/2, "")
	rest := width - 1 - runewidth.StringWidth(head)
	return head + "…" + runewidth.TruncateLeft(text, runewidth.StringWidth(text)-rest, "")
}

// ShortenEnd shortens text to a width by leaving out its end.
func ShortenEnd(text string, width int) string { return runewidth.Truncate(text, max(width, 0), "…") }

// Pad fills text with spaces to a width, on the left if right is set.
func Pad(text string, width int, right bool) string {
	if right {
		return runewidth.FillLeft(text, width)
	}
	return runewidth.FillRight(text, width)
}
