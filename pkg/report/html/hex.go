package html

import (
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// excerptView shows the bytes around the first damage that one pod found.
type excerptView struct {
	Who, Where string
	// Wide and Narrow are the same bytes, for wide and for narrow screens.
	Wide, Narrow []hexRow
	// All are all bytes of the excerpt; nil if Wide has all of them.
	All   []hexRow
	Bytes string
}

// hexRow is a row of a hex dump. The damaged byte, if it is in the row, is separate.
type hexRow struct {
	Offset                  string
	Before, Damaged, After  string // in hexadecimal
	Text, DamagedText, Rest string
	// End is the text after the last byte of the file.
	End string
}

const (
	wide, narrow = 16, 8
	// rowsBefore and rowsAfter are how many rows are shown around the damage.
	rowsBefore, rowsAfter = 4, 8
)

// maxExcerpts limits the pods whose excerpts the page shows.
const maxExcerpts = 5

// newExcerptViews returns the excerpts of the first pods that found damage, and describes those of the others.
func newExcerptViews(c result.Cell) (views []excerptView, more string) {
	left := 0
	for _, r := range c.Reads() {
		if r.ScanResult.Excerpt == nil {
			continue
		}
		if len(views) == maxExcerpts {
			left++
			continue
		}
		who := "The reader"
		if r.Epoch > 0 {
			who = "Writer " + grouped(r.Epoch)
		}
		views = append(views, newExcerptView(who, r.ScanResult))
	}
	if left > 0 {
		more = "The result in JSON has the excerpts of " + counted(left, "more read") + "."
	}
	return views, more
}

func newExcerptView(who string, scan protocol.ScanResult) excerptView {
	s := *scan.Excerpt
	v := excerptView{
		Who: who, Where: fmt.Sprintf("byte %s (0x%x)", grouped(s.Damage), s.Damage),
		Wide: rowsAroundDamage(s, wide), Narrow: rowsAroundDamage(s, narrow), Bytes: counted(len(s.Bytes), "byte"),
	}
	if all := hexRows(s, wide); len(all) > len(v.Wide) {
		v.All = all
	}
	if s.Damage >= scan.Bytes {
		v.Where += ", the end of the file"
	}
	return v
}

func rowsAroundDamage(s protocol.Excerpt, width int) []hexRow {
	all := hexRows(s, width)
	scale := wide / width
	at := len(all) - 1
	for i, row := range all {
		if row.Damaged != "" || row.End != "" {
			at = i
			break
		}
	}
	return all[max(0, at-rowsBefore*scale):min(len(all), at+rowsAfter*scale+1)]
}

func hexRows(s protocol.Excerpt, width int) []hexRow {
	var all []hexRow
	for i := 0; i < len(s.Bytes); i += width {
		all = append(all, newHexRow(s, i, width))
	}
	if s.Damage >= s.Offset+int64(len(s.Bytes)) {
		all = append(all, hexRow{Offset: fmt.Sprintf("%08x", s.Damage), End: "end of the file"})
	}
	return all
}

func newHexRow(s protocol.Excerpt, i, width int) hexRow {
	bytes := s.Bytes[i:min(len(s.Bytes), i+width)]
	row := hexRow{Offset: fmt.Sprintf("%08x", s.Offset+int64(i))}
	blank := strings.Repeat("   ", width-len(bytes))
	damaged := int(s.Damage - s.Offset - int64(i))
	if damaged < 0 || damaged >= len(bytes) {
		row.Before, row.Text = spacedHex(bytes)+blank, readable(bytes)
		return row
	}
	row.Before, row.Text = spacedHex(bytes[:damaged]), readable(bytes[:damaged])
	row.Damaged, row.DamagedText = fmt.Sprintf("%02x", bytes[damaged]), readable(bytes[damaged:damaged+1])
	row.After, row.Rest = " "+spacedHex(bytes[damaged+1:])+blank, readable(bytes[damaged+1:])
	return row
}

// spacedHex returns bytes in hexadecimal with a space after each.
func spacedHex(bytes []byte) string {
	var s strings.Builder
	for _, b := range bytes {
		fmt.Fprintf(&s, "%02x ", b)
	}
	return s.String()
}

// readable returns bytes as ASCII, with a dot for each that is not printable.
func readable(bytes []byte) string {
	s := make([]byte, len(bytes))
	for i, b := range bytes {
		s[i] = '.'
		if b >= ' ' && b <= '~' {
			s[i] = b
		}
	}
	return string(s)
}

// hexBlock is a block of rows of a hex dump.
type hexBlock struct {
	Width, Label string
	Rows         []hexRow
}

func newHexBlock(width string, rows []hexRow, who, where string) hexBlock {
	caption := "Bytes around the damage that " + strings.ToLower(who[:1]) + who[1:] + " found at " + where
	return hexBlock{width, caption, rows}
}
