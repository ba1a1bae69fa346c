package result

import (
	"slices"

	"github.com/volume-durability/volume-durability/pkg/judge"
)

// Threshold is a limit of one figure of a cell, and how the figure compares with it.
type Threshold struct {
	// Option is the name of the option that sets the limit.
	Option string `json:"option"`
	// Unit is the unit of the limit and of the figure.
	Unit  ThresholdUnit `json:"unit"`
	Limit float64       `json:"limit"`
	// Measured is the figure; absent if it was not measured.
	Measured *float64         `json:"measured,omitempty"`
	Outcome  ThresholdOutcome `json:"outcome"`
	// Reason is the reason for an outcome other than met.
	Reason string `json:"reason,omitempty"`
}

// ThresholdUnit is the unit of a threshold.
type ThresholdUnit string

// The units of thresholds.
const (
	Seconds          ThresholdUnit = "seconds"
	RecordsPerSecond ThresholdUnit = "records-per-second"
)

// ThresholdOutcome is how a figure compares with its threshold.
type ThresholdOutcome string

const (
	// Met means that the figure is within its limit.
	Met ThresholdOutcome = "met"
	// Missed means that the figure is not within its limit.
	Missed ThresholdOutcome = "missed"
	// NotMeasured means that the run could not measure the figure.
	NotMeasured ThresholdOutcome = "not-measured"
)

// IsOnlyTooSlow reports whether the cell failed only because of its thresholds. All its acknowledged records are intact
// then.
func (c Cell) IsOnlyTooSlow() bool {
	isOther := func(f judge.Finding) bool { return f.Class != judge.TooSlow }
	return c.Verdict == judge.Fail && len(c.Findings) > 0 && !slices.ContainsFunc(c.Findings, isOther)
}

// IsOnlyTooSlow reports whether the run failed only because of thresholds. Without them, it would have passed.
func (r Result) IsOnlyTooSlow() bool {
	if control := r.Control(); r.Verdict != judge.Fail || control != nil && !control.LostAllData() {
		return false
	}
	isOther := func(c Cell) bool {
		return c.Verdict != judge.Pass && c.Verdict != judge.Skipped && !c.IsOnlyTooSlow()
	}
	return slices.ContainsFunc(r.Tested(), Cell.IsOnlyTooSlow) && !slices.ContainsFunc(r.Tested(), isOther)
}
