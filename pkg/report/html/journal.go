package html

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// stripFigure shows the journal as it was last read; nil if it was not read, or if the cell has objects instead.
func stripFigure(c result.Cell) *figure {
	reads := c.Reads()
	if len(reads) == 0 || c.Layout.Pattern.HasObjects() {
		return nil
	}
	last := *reads[len(reads)-1].JournalRead
	scan := last.ScanResult
	s := chart.Strip{Length: scan.Bytes, Format: formatBytes}
	for i, f := range c.Findings[:min(len(c.Findings), maxFindings)] {
		if !f.HasPlace() {
			continue
		}
		end := f.End
		// Records missing from the end are drawn after it.
		if f.Offset == f.End && f.Offset >= scan.Bytes {
			end += int64(f.Records) * int64(c.Journal.RecordSize)
		}
		s.Length = max(s.Length, end)
		s.Marks = append(s.Marks, chart.Mark{From: f.Offset, To: end, Label: fmt.Sprint(i + 1)})
	}
	if s.Length == 0 {
		return nil
	}
	slices.SortStableFunc(s.Marks, func(a, b chart.Mark) int { return cmp.Compare(a.From, b.From) })
	data := table{
		Caption: "The segments of the journal", Head: []string{"From byte", "To byte", "Content"},
		Numeric: map[int]bool{0: true, 1: true},
	}
	s.Parts, s.Sections, data.Rows = journalParts(c, last)
	s.Alternative = fmt.Sprintf("The journal from its first byte to its last: %s, %s.",
		counted(scan.Bytes, "byte"), counted(len(c.Findings), "finding"))
	for _, f := range c.Findings[:min(len(c.Findings), 5)] {
		if f.HasPlace() {
			s.Alternative += fmt.Sprintf(" %s: %s, %s.", f.Class, counted(f.Records, "record"), findingBytes(f))
		}
	}
	note := ""
	switch {
	case !scan.Present:
		note = "There is no journal. The chart shows what should be in it."
	case scan.Bytes == 0:
		note = "The journal is empty. The chart shows what should be in it."
	}
	legend := []legendEntry{{"kept", "acknowledged and intact"}, {"unacked", "intact, not acknowledged"}}
	if len(s.Marks) > 0 {
		legend = append(legend, legendEntry{"lost", "finding, with its number"}, legendEntry{"absent", "no data"})
	}
	return &figure{
		Caption: "The bytes of the journal, as it was last read", Chart: s.SVG(), Data: data.shortened("segment"),
		Note:   note,
		Legend: legend,
	}
}

// journalParts returns the parts of a journal in order, the section of each writer, and a row for each part.
func journalParts(c result.Cell, r result.JournalRead) ([]chart.Part, []chart.Section, [][]string) {
	parts := scannedParts(r.ScanResult, lastAcked(c))
	var rows [][]string
	for _, p := range parts {
		rows = append(rows, []string{grouped(p.From), grouped(p.To - 1), p.Title})
	}
	if len(rows) == 0 {
		rows = append(rows, []string{dash, dash, "no data"})
	}
	return parts, writerSections(r.ScanResult.Segments), rows
}

// writerSections returns the section of each writer: segments of the same epoch are one.
func writerSections(segments []journal.Segment) []chart.Section {
	var sections []chart.Section
	for _, s := range segments {
		name := fmt.Sprintf("writer %s", grouped(s.Epoch))
		if last := len(sections) - 1; last >= 0 && sections[last].Name == name {
			sections[last].To = s.End
			continue
		}
		sections = append(sections, chart.Section{From: s.Offset, To: s.End, Name: name})
	}
	return sections
}

// scannedParts returns what a scan found, in the order of the file.
func scannedParts(scan protocol.ScanResult, acked map[int]uint64) []chart.Part {
	var parts []chart.Part
	for _, s := range scan.Segments {
		kind, ack := chart.Acked, "acknowledged"
		if s.First > acked[s.Epoch] {
			kind, ack = chart.Unacked, "not acknowledged"
		}
		title := fmt.Sprintf("epoch %s, %s, intact, %s", grouped(s.Epoch), recordRange(s.First, s.Last), ack)
		parts = append(parts, chart.Part{From: s.Offset, To: s.End, Kind: kind, Title: title})
	}
	for _, d := range scan.Damage {
		parts = append(parts, chart.Part{
			From: d.Offset, To: d.Offset + d.Length, Kind: chart.Damaged, Title: damageTitle(d),
		})
	}
	for _, f := range scan.Foreign {
		title := fmt.Sprintf("%s of journal %s", counted(f.Records, "record"), f.ID)
		parts = append(parts, chart.Part{From: f.Offset, To: f.End, Kind: chart.Foreign, Title: title})
	}
	slices.SortStableFunc(parts, func(a, b chart.Part) int { return cmp.Compare(a.From, b.From) })
	return parts
}

func recordRange(first, last uint64) string {
	if first == last {
		return "record " + grouped(first)
	}
	return fmt.Sprintf("records %s to %s", grouped(first), grouped(last))
}

func damageTitle(d journal.Damage) string {
	switch {
	case d.Partial != nil:
		return "the beginning of a record"
	case d.Blank:
		return "empty lines"
	case d.Zeros == d.Length:
		return "zeros"
	default:
		return "no intact record"
	}
}
