package trace

import (
	"cmp"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// maxRecoveries is the number of recoveries whose steps a trace lists.
const maxRecoveries = 10

// recovery is the steps with the indexes from first to last: from a deletion to the next first acknowledgement, or one
// step that stands for several recoveries.
type recovery struct {
	first, last int
	took        time.Duration
	// leftOut is how many recoveries a step "deletions" stands for; 0 if the steps are those of a recovery.
	leftOut int
}

// recoveriesIn returns the recoveries among the steps of a cell. A deletion without a later writer is none.
func recoveriesIn(steps []result.Step) []recovery {
	var all []recovery
	deleted := -1
	for i, s := range steps {
		switch {
		case s.Name == result.Deletions:
			all = append(all, recovery{first: i, last: i, leftOut: s.Deletions})
		case s.Name == result.Terminating:
			deleted = i
		case s.Name == result.FirstAck && deleted >= 0:
			all = append(all, recovery{first: deleted, last: i, took: s.EndedAt.Sub(steps[deleted].StartedAt)})
			deleted = -1
		}
	}
	return all
}

// withoutMost returns the steps without those of most recoveries, if there are too many. One step "deletions" takes the
// place of neighbouring recoveries and of what was written between them.
func withoutMost(steps []result.Step) []result.Step {
	all := recoveriesIn(steps)
	if len(all) <= maxRecoveries {
		return steps
	}
	var kept []result.Step
	next := 0
	for _, left := range leftOut(all) {
		first, last := left[0].first, left[len(left)-1].last
		kept = append(kept, steps[next:first]...)
		kept = append(kept, result.Step{
			Name: result.Deletions, Deletions: count(left), StartedAt: steps[first].StartedAt, EndedAt: steps[last].EndedAt,
		})
		next = last + 1
	}
	return append(kept, steps[next:]...)
}

// count returns how many recoveries some steps stand for.
func count(left []recovery) int {
	n := 0
	for _, r := range left {
		n += max(1, r.leftOut)
	}
	return n
}

// leftOut returns all recoveries but the first one and the slowest, in their order. Neighbours are in one list.
func leftOut(all []recovery) [][]recovery {
	var order []int
	for i := 1; i < len(all); i++ {
		if all[i].leftOut == 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[b].took, all[a].took) })
	listed := map[int]bool{0: true}
	for _, i := range order[:min(maxRecoveries-1, len(order))] {
		listed[i] = true
	}
	var left [][]recovery
	for i, r := range all {
		switch {
		case listed[i]:
		case listed[i-1]:
			left = append(left, []recovery{r})
		default:
			left[len(left)-1] = append(left[len(left)-1], r)
		}
	}
	return left
}
