package style

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Column is a column of a table.
type Column struct {
	Title string
	// Right aligns the column on the right.
	Right bool
	// Drop is the order in which columns are left out of a table that is too wide: 1 first, 0 never. Columns with the same
	// number are left out together.
	Drop int
	// Name marks the column with names, which are shortened in the middle if the table is too wide.
	Name bool
	// Color colours the value of the column in a row; nil for no colour.
	Color func(row int, value string) string
}

// Table is text in columns.
type Table struct {
	Columns []Column
	Rows    [][]string
}

const (
	columnGap = 2
	// wantedName is the width to which names are shortened before a column is left out, minName the smallest width.
	wantedName = 24
	minName    = 8
)

// Render returns the table with lines of at most width columns, as far as leaving out columns and shortening names can
// achieve that.
func (t Table) Render(width int) string {
	widths := t.widths()
	shown := make([]bool, len(t.Columns))
	for i := range shown {
		shown[i] = true
	}
	for t.total(widths, shown, wantedName) > width {
		next := t.nextToDrop(shown)
		if next == 0 {
			break
		}
		for i, c := range t.Columns {
			shown[i] = shown[i] && c.Drop != next
		}
	}
	for excess := t.total(widths, shown, 0) - width; excess > 0; excess-- {
		widest := t.widestName(widths, shown)
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	rows := t.shortened(widths)
	var text strings.Builder
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = c.Title
	}
	t.line(&text, -1, titles, widths, shown)
	for i, row := range rows {
		t.line(&text, i, row, widths, shown)
	}
	return text.String()
}

// widestName returns the widest shown column of names that can be narrower; -1 if there is none.
func (t Table) widestName(widths []int, shown []bool) int {
	widest := -1
	for i, c := range t.Columns {
		if c.Name && shown[i] && widths[i] > minName && (widest < 0 || widths[i] > widths[widest]) {
			widest = i
		}
	}
	return widest
}

// shortened returns the rows with their names shortened to the widths of the columns. It widens a column if its names
// could not be distinguished.
func (t Table) shortened(widths []int) [][]string {
	rows := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = slices.Clone(row)
	}
	for i, c := range t.Columns {
		if !c.Name {
			continue
		}
		names := make([]string, len(rows))
		for j, row := range rows {
			names[j] = row[i]
		}
		for j, name := range ShortenNames(names, widths[i]) {
			rows[j][i] = name
			widths[i] = max(widths[i], runewidth.StringWidth(name))
		}
	}
	return rows
}

// widths returns the width of each column with all its values.
func (t Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = runewidth.StringWidth(c.Title)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	return widths
}

// total returns the width of the shown columns. If longestName is not 0, a longer name counts as that long.
func (t Table) total(widths []int, shown []bool, longestName int) int {
	total := -columnGap
	for i, c := range t.Columns {
		switch {
		case !shown[i]:
		case c.Name && longestName > 0:
			total += min(widths[i], longestName) + columnGap
		default:
			total += widths[i] + columnGap
		}
	}
	return total
}

// nextToDrop returns the lowest Drop of the shown columns; 0 if all of them must stay.
func (t Table) nextToDrop(shown []bool) int {
	next := 0
	for i, c := range t.Columns {
		if shown[i] && c.Drop > 0 && (next == 0 || c.Drop < next) {
			next = c.Drop
		}
	}
	return next
}

// line writes a line of the table. The line of the titles has a negative number.
func (t Table) line(text *strings.Builder, row int, values []string, widths []int, shown []bool) {
	last := 0
	for i := range t.Columns {
		if shown[i] {
			last = i
		}
	}
	for i, c := range t.Columns {
		if !shown[i] {
			continue
		}
		value := values[i]
		if c.Name && row < 0 {
			value = ShortenName(value, widths[i])
		}
		padded := Pad(value, widths[i], c.Right)
		if i == last && !c.Right {
			padded = value
		}
		if row >= 0 && c.Color != nil {
			padded = c.Color(row, padded)
		}
		text.WriteString(padded)
		if i != last {
			text.WriteString(strings.Repeat(" ", columnGap))
		}
	}
	text.WriteString("\n")
}
