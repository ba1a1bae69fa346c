package html

import (
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// cellTable is a table of cells.
type cellTable struct {
	Caption string
	Rows    []cellRow
}

// FirstRows returns the table of the cells that need attention first.
func (v runView) FirstRows() cellTable {
	if v.Several {
		return cellTable{"Each cell tests one volume, with a writer, a ledger and a verdict of its own", v.Rows}
	}
	return cellTable{"The volume under test", v.Rows}
}

// CollapsedRows returns the table of the other cells; nil if there are none.
func (v runView) CollapsedRows() *cellTable {
	if len(v.MoreRows) == 0 {
		return nil
	}
	return &cellTable{counted(len(v.MoreRows), "more cell"), v.MoreRows}
}

// cellRow is a cell in the table of cells.
type cellRow struct {
	Anchor, Name                                      string
	Verdict                                           badge
	Control                                           string // the meaning of the control's verdict; empty for other cells
	Reason                                            string // of a verdict other than Pass and Fail
	Level                                             string
	Acknowledged, Lost, Recovery, P50, P99, Max, Rate string
}

// Missing reports whether a value of the row is not known.
func (cellRow) Missing(value string) bool { return value == dash }

func newCellRow(c result.Cell, v cellView) cellRow {
	row := cellRow{
		Anchor: v.Anchor, Name: v.Name, Verdict: v.Verdict, Control: v.Control, Level: c.Provenance.Level.String(),
		Acknowledged: dash, Lost: dash, Recovery: formatDuration(c.SlowestRecovery()),
		P50: dash, P99: dash, Max: dash, Rate: dash,
	}
	if c.Verdict != judge.Pass && c.Verdict != judge.Fail {
		row.Reason = v.Reason
	}
	if acknowledged := ledger.CountRecords(c.Acks); acknowledged > 0 {
		row.Acknowledged = grouped(acknowledged)
	}
	if c.Verdict == judge.Pass || c.Verdict == judge.Fail {
		row.Lost = grouped(c.Lost())
	}
	if l := c.Latency; l != nil {
		row.P50, row.P99, row.Max = formatDuration(l.P50), formatDuration(l.P99), formatDuration(l.Max)
	}
	if rate := c.Rate(); rate > 0 {
		row.Rate = groupedFloat(rate)
	}
	return row
}

// controlSentence explains the verdict of the control; empty for other cells.
func controlSentence(c result.Cell) string {
	switch {
	case !c.Spec.Control:
		return ""
	case c.LostAllData():
		return "This is the negative control. Its volume, an emptyDir, is deleted with its pod. It lost its data, as expected: this run can detect loss."
	case c.Verdict == judge.Pass || c.Verdict == judge.Fail:
		return "This is the negative control. Its volume, an emptyDir, is deleted with its pod. The run did not find that all its data is missing, so this run cannot detect loss."
	default:
		return "This is the negative control. Its volume, an emptyDir, is deleted with its pod. It must lose its data."
	}
}
