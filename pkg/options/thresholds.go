package options

import "time"

// The names of the options that set thresholds.
const (
	MaxRecoveryOption  = "MAX_RECOVERY"
	MaxCommitP99Option = "MAX_COMMIT_P99"
	MaxCommitOption    = "MAX_COMMIT"
	MinRateOption      = "MIN_RATE"
)

// Thresholds are limits of a cell's figures. A limit that is not set is absent.
type Thresholds struct {
	// MaxRecovery limits every recovery.
	MaxRecovery time.Duration `json:"maxRecovery,omitempty"`
	// MaxCommitP99 limits the 99th percentile of the commits' durations.
	MaxCommitP99 time.Duration `json:"maxCommitP99,omitempty"`
	// MaxCommit limits the longest commit.
	MaxCommit time.Duration `json:"maxCommit,omitempty"`
	// MinRate is the lowest rate, in records per second.
	MinRate float64 `json:"minRate,omitempty"`
}
