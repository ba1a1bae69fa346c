package judge

import (
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// TrailingBytes returns how many bytes after the last intact record are not part of any record of the journal. It does
// not count the first part of a record, which an interrupted write may leave, nor bytes in the range of a finding.
func TrailingBytes(scan journal.ScanReport, findings []Finding) int64 {
	var end, n int64
	for _, s := range scan.Segments {
		end = max(end, s.End)
	}
	for _, d := range scan.Damage {
		if d.Offset < end || d.Blank || d.Partial != nil {
			continue
		}
		isReported := slices.ContainsFunc(findings, func(f Finding) bool {
			return intersection(f.Offset, f.End, d.Offset, d.Offset+d.Length) > 0
		})
		if !isReported {
			n += d.Length
		}
	}
	return n
}
