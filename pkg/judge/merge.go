package judge

import "slices"

// Merge joins the findings of several looks at one journal, in the order of the
// looks. What an earlier look found is not said again in other words: a later
// pod, after others have written on, sees only what damage became. Where a later
// look found more of the same, it alone stands.
func Merge(looks ...[]Finding) []Finding {
	var all []Finding
	for _, look := range looks {
		known := len(all)
		for _, f := range look {
			if slices.ContainsFunc(all[:known], func(g Finding) bool { return g.covers(f) }) {
				continue
			}
			all = append(all, f)
		}
		fresh := all[known:]
		before := slices.DeleteFunc(slices.Clone(all[:known]), func(g Finding) bool {
			return slices.ContainsFunc(fresh, func(f Finding) bool { return f.Class == g.Class && f.covers(g) })
		})
		all = append(before, fresh...)
	}
	return all
}

// covers says whether all that g concerns is f's concern too: g's records, or its
// bytes where no records are lost with them.
func (f Finding) covers(g Finding) bool {
	if g.Records == 0 || f.Records == 0 {
		return f.Class == g.Class && f.Offset <= g.Offset && g.End <= f.End && (f.Records > 0 || f.Detail == g.Detail)
	}
	return !before(g.Epoch, g.First, f.Epoch, f.First) && !before(f.lastEpoch(), f.Last, g.lastEpoch(), g.Last)
}

// before says whether one record's place among all is before another's.
func before(epoch int, seq uint64, otherEpoch int, otherSeq uint64) bool {
	return epoch < otherEpoch || epoch == otherEpoch && seq < otherSeq
}
