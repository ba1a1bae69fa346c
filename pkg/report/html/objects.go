package html

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// objectsView shows what the last read found in the objects of a write pattern.
type objectsView struct {
	// Summary counts the objects.
	Summary string
	// Map shows the slots; nil if the objects are files.
	Map *figure
	// Damaged lists the objects with a finding.
	Damaged table
}

// newObjectsView returns the objects of a cell as they were last read; nil if they were not, or if the cell has none.
func newObjectsView(c result.Cell) *objectsView {
	reads := c.Reads()
	if !c.Layout.Pattern.HasObjects() || len(reads) == 0 {
		return nil
	}
	model, err := pattern.NewModel(c.Journal, c.Layout)
	if err != nil {
		return nil
	}
	o := objects{model: model, damaged: judge.DamagedObjects(lastInput(c, reads)), acked: lastAcked(c)}
	if report := reads[len(reads)-1].ScanResult.Objects; report != nil {
		o.report = *report
	}
	v := &objectsView{Summary: o.summary(), Damaged: o.damagedTable().shortened("object")}
	if !model.Pattern.IsFolder() {
		v.Map = o.figure()
	}
	return v
}

// lastInput returns what the judgement of the last read depends on.
func lastInput(c result.Cell, reads []result.EpochRead) judge.Input {
	last := reads[len(reads)-1]
	in := judge.Input{
		Layout: c.Layout, Acks: c.Acks, Scan: last.ScanResult.ScanReport, Epochs: c.Writers(),
		MayOverlap: c.Spec.Force && !c.IsLocal(),
	}
	if last.Epoch > 0 { // a writer's read, before its first record
		in.Epochs = last.Epoch - 1
		in.Acks = slices.DeleteFunc(slices.Clone(c.Acks), func(a ledger.Ack) bool { return a.Epoch >= last.Epoch })
	}
	for _, read := range reads[:len(reads)-1] {
		in.Earlier = append(in.Earlier, read.ScanResult.ScanReport)
	}
	return in
}

// objects are the objects of a cell and what is wrong with them.
type objects struct {
	model   pattern.Model
	report  journal.ObjectReport
	damaged []judge.DamagedObject
	acked   map[int]uint64
}

func (o objects) noun() string { return o.model.Pattern.Noun() }

// summary counts the objects with an intact record and those with a finding.
func (o objects) summary() string {
	damaged := map[journal.Object]bool{}
	for _, d := range o.damaged {
		damaged[d.Object] = true
	}
	intact := 0
	for _, r := range o.report.Current {
		for op := range o.model.Operations(r) {
			if !damaged[o.model.Written(op)] {
				intact++
			}
		}
	}
	s := o.count(intact) + " an intact record and no finding."
	if n := len(damaged); n > 0 {
		s += " " + o.count(n) + " a finding."
	}
	return s
}

// count counts objects that have something.
func (o objects) count(n int) string {
	if n == 1 {
		return counted(n, o.noun()) + " has"
	}
	return counted(n, o.noun()) + " have"
}

// damagedTable lists the objects with a finding.
func (o objects) damagedTable() table {
	t := table{
		Caption: "The objects with a finding",
		Head:    []string{"Object", "Class", "Last acknowledged operation", "Found"},
	}
	t.Rows = make([][]string, len(o.damaged))
	for i, d := range o.damaged {
		if isLeftOut(i, len(o.damaged)) {
			continue
		}
		op := fmt.Sprintf("epoch %s, record %s", grouped(d.Operation.Epoch), grouped(d.Operation.Seq))
		t.Rows[i] = []string{o.model.ObjectName(d.Object), string(d.Class), op, d.Detail}
	}
	return t
}

// isLeftOut reports whether a table of n rows is shown without a row.
func isLeftOut(row, n int) bool {
	const half = maxTableRows / 2
	return n > maxTableRows && row >= half && row < n-half
}

// figure is the map of the slots.
func (o objects) figure() *figure {
	m := chart.Map{Noun: "slot", Places: o.model.Objects, Parts: o.parts(), Format: grouped[uint64]}
	m.Alternative = fmt.Sprintf("The slots from first to last: %s, %s with a finding.",
		counted(o.model.Objects, "slot"), grouped(len(o.damaged)))
	data := table{
		Caption: "The slots", Head: []string{"First slot", "Last slot", "Content"}, Numeric: map[int]bool{0: true, 1: true},
	}
	data.Rows = make([][]string, len(m.Parts))
	for i, p := range m.Parts {
		if !isLeftOut(i, len(m.Parts)) {
			data.Rows[i] = []string{grouped(p.First), grouped(p.Last), p.Title}
		}
	}
	if len(data.Rows) == 0 {
		data.Rows = append(data.Rows, []string{dash, dash, "no data"})
	}
	f := &figure{
		Caption: "The slots, as they were last read", Chart: m.SVG(), Data: data.shortened("range"),
		Legend: []legendEntry{
			{"kept", "acknowledged and intact"}, {"unacked", "intact, not acknowledged"}, {"absent", "never written"},
		},
	}
	if len(o.damaged) > 0 {
		f.Legend = append(f.Legend, legendEntry{"lost", "finding"})
	}
	if per := m.PerSquare(); per > 1 {
		f.Note = fmt.Sprintf("Each square is %s. It shows the worst of them.", counted(per, "slot"))
	}
	return f
}

// parts returns the slots in order. Neighbours with the same content are one part.
func (o objects) parts() []chart.MapPart {
	var slots []chart.MapPart
	add := func(object journal.Object, kind chart.PartKind, title string) {
		slots = append(slots, chart.MapPart{First: object.Number, Last: object.Number, Kind: kind, Title: title})
	}
	hasFinding := map[uint64]bool{}
	for _, d := range o.damaged {
		hasFinding[d.Object.Number] = true
		add(d.Object, chart.Lost, string(d.Class)+", "+d.Detail)
	}
	unlessFinding := func(object journal.Object, kind chart.PartKind, title string) {
		if !hasFinding[object.Number] {
			add(object, kind, title)
		}
	}
	for _, r := range o.report.Current {
		intact := fmt.Sprintf("record of epoch %s, intact, ", grouped(r.Epoch))
		acked, unacked := intact+"acknowledged", intact+"not acknowledged"
		for seq := r.First; seq <= r.Last; seq++ {
			kind, title := chart.Acked, acked
			if seq > o.acked[r.Epoch] {
				kind, title = chart.Unacked, unacked
			}
			unlessFinding(o.model.Written(journal.Point{Epoch: r.Epoch, Seq: seq}), kind, title)
		}
	}
	for _, d := range o.report.Damage {
		unlessFinding(d.Object, chart.Damaged, "no intact record, which was not acknowledged either")
	}
	for _, d := range o.report.Misdirected {
		unlessFinding(d.Object, chart.Damaged, "the record of another slot")
	}
	for _, f := range o.report.Foreign {
		unlessFinding(f.Object, chart.Foreign, "a record of journal "+f.ID)
	}
	return mergedParts(slots)
}

// mergedParts sorts slots and merges neighbours with the same content.
func mergedParts(slots []chart.MapPart) []chart.MapPart {
	slices.SortStableFunc(slots, func(a, b chart.MapPart) int { return cmp.Compare(a.First, b.First) })
	var parts []chart.MapPart
	for _, s := range slots {
		n := len(parts) - 1
		switch {
		case n >= 0 && parts[n].Last >= s.First: // listed twice
		case n >= 0 && parts[n].Last+1 == s.First && parts[n].Kind == s.Kind && parts[n].Title == s.Title:
			parts[n].Last = s.First
		default:
			parts = append(parts, s)
		}
	}
	return parts
}

// patternFacts describes the write pattern of a cell; nothing for records that are appended to one journal.
func patternFacts(c result.Cell) []fact {
	if c.Layout.Pattern == "" || c.Layout.Pattern == pattern.Append {
		return nil
	}
	facts := []fact{{"Write pattern", c.Layout.Pattern.String(), true}}
	if !c.Layout.Pattern.HasObjects() {
		return facts
	}
	what := "a file for each record"
	if c.Layout.Objects > 0 {
		what = counted(c.Layout.Objects, c.Layout.Pattern.Noun())
	}
	facts = append(facts, fact{"Objects", what, false})
	if c.Reader != nil && c.Reader.Judgement.Superseded > 0 {
		facts = append(facts, fact{
			"Superseded", counted(c.Reader.Judgement.Superseded, "acknowledged record") + ", which later ones replaced", false,
		})
	}
	if c.Reader != nil && c.Layout.Pattern.SomeOperationsRemove() {
		facts = append(facts, fact{
			"Removed", counted(c.Reader.Judgement.Removed, "file") + ", by acknowledged operations", false,
		})
	}
	return facts
}

// findingPlace returns the objects of a finding or, if it has none, its bytes.
func findingPlace(f judge.Finding) string {
	switch {
	case f.Object == "":
		return findingBytes(f)
	case f.Records > 1:
		return f.Object + " and " + grouped(f.Records-1) + " more"
	default:
		return f.Object
	}
}
