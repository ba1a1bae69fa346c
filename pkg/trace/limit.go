package trace

import (
	"cmp"
	"slices"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// maxRecoveries is the number of recoveries whose steps a trace lists.
const maxRecoveries = 10

// recovery is the steps with the indexes from first to last: from a deletion to the next first acknowledgement.
type recovery struct {
	first, last int
	took        time.Duration
}

// recoveriesIn returns the recoveries among the steps of a cell. A deletion without a later writer is none.
func recoveriesIn(steps []result.Step) []recovery {
	var all []recovery
	deleted := -1
	for i, s := range steps {
		switch {
		case s.Name == result.Terminating:
			deleted = i
		case s.Name == result.FirstAck && deleted >= 0:
			all = append(all, recovery{deleted, i, s.EndedAt.Sub(steps[deleted].StartedAt)})
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
			Name: result.Deletions, Deletions: len(left), StartedAt: steps[first].StartedAt, EndedAt: steps[last].EndedAt,
		})
		next = last + 1
	}
	return append(kept, steps[next:]...)
}

// leftOut returns all recoveries but the first one and the slowest, in their order. Neighbours are in one list.
func leftOut(all []recovery) [][]recovery {
	order := make([]int, 0, len(all)-1)
	for i := 1; i < len(all); i++ {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[b].took, all[a].took) })
	listed := map[int]bool{0: true}
	for _, i := range order[:maxRecoveries-1] {
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
