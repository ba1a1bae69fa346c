package html

import (
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// nameOf is what a cell is called.
func nameOf(c result.Cell) string {
	switch {
	case c.Plan.Name != "":
		return c.Plan.Name
	case c.Claim != nil && c.Claim.StorageClass != "":
		return c.Claim.Name + " (" + c.Claim.StorageClass + ")"
	case c.Claim != nil:
		return c.Claim.Name
	default:
		return string(c.Plan.VolumeSource)
	}
}

// row is a cell in the matrix.
type row struct {
	Anchor, Name                                      string
	Verdict                                           badge
	Control                                           string // what is to be known of the control
	Reason                                            string // why there is no answer
	Level                                             string
	Acknowledged, Lost, Recovery, P50, P99, Max, Rate string
}

func rowOf(c result.Cell, v cellView) row {
	w := row{
		Anchor: v.Anchor, Name: v.Name, Verdict: v.Verdict, Control: v.Control, Level: c.Provenance.Level.String(),
		Acknowledged: unknown, Lost: unknown, Recovery: lasting(c.SlowestRecovery()), P50: unknown, P99: unknown, Max: unknown, Rate: unknown,
	}
	if c.Verdict != judge.Pass && c.Verdict != judge.Fail {
		w.Reason = v.Reason
	}
	if acknowledged := ledger.Count(c.Acks); acknowledged > 0 {
		w.Acknowledged = grouped(acknowledged)
	}
	if c.Verdict == judge.Pass || c.Verdict == judge.Fail {
		w.Lost = grouped(c.Lost())
	}
	if c.Latency != nil {
		w.P50, w.P99, w.Max = lasting(c.Latency.P50), lasting(c.Latency.P99), lasting(c.Latency.Max)
	}
	if rate := c.Rate(); rate > 0 {
		w.Rate = groupedFloat(rate)
	}
	return w
}

// control says what the negative control came to.
func control(c result.Cell) string {
	switch {
	case !c.Plan.Control:
		return ""
	case c.LostAllData():
		return "Negative control: storage that forgets. It lost its data, as it must: this run can see a loss."
	case c.Verdict == judge.Pass || c.Verdict == judge.Fail:
		return "Negative control: storage that forgets. It should have lost its data and was not seen to: nothing else here can be relied on."
	default:
		return "Negative control: storage that forgets. It must lose its data."
	}
}
