package html

import (
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// sampleView is the bytes around the first damage that one pod saw.
type sampleView struct {
	Who, Where string
	// Wide and Narrow are the same bytes, for a desk and for a phone.
	Wide, Narrow []hexRow
	// All are all bytes of the sample, where more were seen than are shown.
	All   []hexRow
	Bytes string
}

// hexRow is a row of a hex view. The damaged byte, if it is in the row, stands apart.
type hexRow struct {
	Offset                  string
	Before, Damaged, After  string // in hexadecimal
	Text, DamagedText, Rest string
	// End says what is to be known of the place after the last byte.
	End string
}

const (
	wide, narrow = 16, 8
	// rowsBefore and rowsAfter are shown around the damage.
	rowsBefore, rowsAfter = 4, 8
)

func samplesOf(c result.Cell) []sampleView {
	var all []sampleView
	for _, e := range c.Epochs {
		if e.InitialRead != nil && e.InitialRead.ScanResult.Sample != nil {
			all = append(all, sampleOf(fmt.Sprintf("Before it wrote, writer %d", e.Number), e.InitialRead.ScanResult))
		}
	}
	if c.Reader != nil && c.Reader.ScanResult.Sample != nil {
		all = append(all, sampleOf("The reader", c.Reader.ScanResult))
	}
	return all
}

func sampleOf(who string, seen protocol.ScanResult) sampleView {
	s := *seen.Sample
	v := sampleView{
		Who: who, Where: fmt.Sprintf("byte %s (0x%x)", grouped(s.Damage), s.Damage),
		Wide: around(s, wide), Narrow: around(s, narrow), Bytes: counted(len(s.Bytes), "byte"),
	}
	if all := rowsOf(s, wide); len(all) > len(v.Wide) {
		v.All = all
	}
	if s.Damage >= seen.Bytes {
		v.Where += ", where the file ends"
	}
	return v
}

// around are the rows near the damage.
func around(s protocol.Sample, width int) []hexRow {
	all := rowsOf(s, width)
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

func rowsOf(s protocol.Sample, width int) []hexRow {
	var all []hexRow
	for i := 0; i < len(s.Bytes); i += width {
		all = append(all, rowAt(s, i, width))
	}
	if s.Damage >= s.Offset+int64(len(s.Bytes)) {
		all = append(all, hexRow{Offset: fmt.Sprintf("%08x", s.Damage), End: "from here on nothing is there"})
	}
	return all
}

func rowAt(s protocol.Sample, i, width int) hexRow {
	bytes := s.Bytes[i:min(len(s.Bytes), i+width)]
	row := hexRow{Offset: fmt.Sprintf("%08x", s.Offset+int64(i))}
	blank := strings.Repeat("   ", width-len(bytes))
	damaged := int(s.Damage - s.Offset - int64(i))
	if damaged < 0 || damaged >= len(bytes) {
		row.Before, row.Text = hexOf(bytes)+blank, readable(bytes)
		return row
	}
	row.Before, row.Text = hexOf(bytes[:damaged]), readable(bytes[:damaged])
	row.Damaged, row.DamagedText = fmt.Sprintf("%02x", bytes[damaged]), readable(bytes[damaged:damaged+1])
	row.After, row.Rest = " "+hexOf(bytes[damaged+1:])+blank, readable(bytes[damaged+1:])
	return row
}

// hexOf writes bytes with a space after each.
func hexOf(bytes []byte) string {
	var s strings.Builder
	for _, b := range bytes {
		fmt.Fprintf(&s, "%02x ", b)
	}
	return s.String()
}

// readable writes a point for what cannot be printed.
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

// hexPart is some rows of a sample as one block.
type hexPart struct {
	Width, Label string
	Rows         []hexRow
}

func hexView(width string, rows []hexRow, who, where string) hexPart {
	return hexPart{width, "Bytes around the damage: " + who + " found it from " + where, rows}
}
