package judge

import "slices"

// Merge joins the findings of several scans of one journal, in the order of the scans.
//
// Later writers append to a damaged journal, so a later scan may report the same damage
// as another class. Merge drops findings whose records an earlier scan reported already.
// If a later finding of the same class affects more, Merge drops the earlier one instead.
func Merge(scans ...[]Finding) []Finding {
	var merged []Finding
	for _, findings := range scans {
		known := merged
		var added []Finding
		for _, f := range findings {
			if !slices.ContainsFunc(known, func(k Finding) bool { return k.covers(f) }) {
				added = append(added, f)
			}
		}
		kept := slices.DeleteFunc(slices.Clone(known), func(k Finding) bool {
			return slices.ContainsFunc(added, func(f Finding) bool { return f.Class == k.Class && f.covers(k) })
		})
		merged = append(kept, added...)
	}
	return merged
}

// covers reports whether f affects all records that g affects or, where no records are
// affected, all of its bytes.
func (f Finding) covers(g Finding) bool {
	if g.Records == 0 || f.Records == 0 {
		return f.Class == g.Class && f.Offset <= g.Offset && g.End <= f.End && (f.Records > 0 || f.Detail == g.Detail)
	}
	return !isBefore(g.Epoch, g.First, f.Epoch, f.First) && !isBefore(f.lastEpoch(), f.Last, g.lastEpoch(), g.Last)
}

// isBefore reports whether one record was written before another.
func isBefore(epoch int, seq uint64, otherEpoch int, otherSeq uint64) bool {
	return epoch < otherEpoch || epoch == otherEpoch && seq < otherSeq
}
