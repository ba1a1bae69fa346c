package html

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// maxMarks bounds the findings that a strip points at.
const maxMarks = 200

// stripOf is the journal as the last pod saw it; nil where none looked.
func stripOf(c result.Cell) *figure {
	all := looksOf(c)
	if len(all) == 0 {
		return nil
	}
	seen := all[len(all)-1].ScanResult
	s := chart.Strip{Length: seen.Bytes, Number: bytesOnAxis}
	for i, f := range c.Findings[:min(len(c.Findings), maxMarks)] {
		end := f.End
		// Records that should stand after the file's end are drawn there.
		if f.Offset == f.End && f.Offset >= seen.Bytes {
			end += int64(f.Records) * int64(c.Journal.Size)
		}
		s.Length = max(s.Length, end)
		s.Marks = append(s.Marks, chart.Mark{From: f.Offset, To: end, Label: fmt.Sprint(i + 1)})
	}
	if s.Length == 0 {
		return nil
	}
	slices.SortStableFunc(s.Marks, func(a, b chart.Mark) int { return cmp.Compare(a.From, b.From) })
	data := table{Caption: "What the journal is made of", Head: []string{"From byte", "To byte", "What"}, Numeric: map[int]bool{0: true, 1: true}}
	s.Pieces, s.Parts, data.Rows = piecesOf(c, all[len(all)-1])
	s.Alternative = fmt.Sprintf("The journal from its first byte to its last: %s, %s.", counted(seen.Bytes, "byte"), counted(len(c.Findings), "finding"))
	for _, f := range c.Findings[:min(len(c.Findings), 5)] {
		s.Alternative += fmt.Sprintf(" %s: %s, %s.", f.Class, counted(f.Records, "record"), bytesOf(f))
	}
	note := ""
	switch {
	case !seen.Present:
		note = "There is no journal. What should be there is drawn."
	case seen.Bytes == 0:
		note = "The journal is empty. What should be there is drawn."
	}
	legend := []sign{{"kept", "acknowledged, there"}, {"unpromised", "there, never acknowledged"}}
	if len(c.Findings) > 0 {
		legend = append(legend, sign{"lost", "a finding, by its number"}, sign{"absent", "nothing is there"})
	}
	return &figure{Caption: "The journal by byte, as the last pod read it", Picture: s.SVG(), Data: data, Note: note, Legend: legend}
}

// maxPieces bounds the pieces that are listed.
const maxPieces = 200

func piecesOf(c result.Cell, l result.JournalRead) (pieces []chart.Piece, parts []chart.Part, rows [][]string) {
	held := heldOf(c)
	type stretch struct {
		from, to int64
		kind     chart.PieceKind
		what     string
	}
	var all []stretch
	for _, s := range l.ScanResult.Segments {
		kind, what := chart.Promised, "acknowledged"
		if s.First > held[s.Epoch] {
			kind, what = chart.Unpromised, "never acknowledged"
		}
		all = append(all, stretch{s.Offset, s.End, kind, fmt.Sprintf("epoch %d, records %s to %s, intact, %s", s.Epoch, grouped(s.First), grouped(s.Last), what)})
		if last := len(parts) - 1; last >= 0 && parts[last].Name == fmt.Sprintf("writer %d", s.Epoch) {
			parts[last].To = s.End
		} else {
			parts = append(parts, chart.Part{From: s.Offset, To: s.End, Name: fmt.Sprintf("writer %d", s.Epoch)})
		}
	}
	for _, d := range l.ScanResult.Damage {
		all = append(all, stretch{d.Offset, d.Offset + d.Length, chart.Damaged, damaged(d.Partial != nil, d.Blank, d.Zeros == d.Length)})
	}
	for _, f := range l.ScanResult.Foreign {
		all = append(all, stretch{f.Offset, f.End, chart.Strange, fmt.Sprintf("%s of journal %s", counted(f.Records, "record"), f.ID)})
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	for i, s := range all {
		pieces = append(pieces, chart.Piece{From: s.from, To: s.to, Kind: s.kind, Title: s.what})
		switch {
		case i < maxPieces:
			rows = append(rows, []string{grouped(s.from), grouped(s.to - 1), s.what})
		case i == maxPieces:
			rows = append(rows, []string{grouped(s.from), grouped(l.ScanResult.Bytes), counted(len(all)-i, "more piece")})
		}
	}
	if len(rows) == 0 {
		rows = append(rows, []string{unknown, unknown, "nothing is there"})
	}
	return pieces, parts, rows
}

func damaged(partial, blank, zeros bool) string {
	switch {
	case partial:
		return "the beginning of a record"
	case blank:
		return "line ends only"
	case zeros:
		return "zeros"
	default:
		return "no intact record"
	}
}
