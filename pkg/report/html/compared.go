package html

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/report/chart"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// compared are the pictures that set cells side by side, where there is more than one to see.
func compared(cells []result.Cell) []figure {
	var figures []figure
	commits := chart.Ranges{Number: onAxis, Alternative: "Commit latency of each cell; the table has the numbers."}
	returns := chart.Steps{Number: secondsOnAxis, Alternative: "The slowest recovery of each cell; the table has the numbers."}
	inCommits := table{Caption: "Commit latency", Head: []string{"Cell", "p50", "p99", "max"}, Numeric: map[int]bool{1: true, 2: true, 3: true}}
	inReturns := table{Caption: "Slowest recovery", Head: append([]string{"Cell"}, stepNames...), Numeric: map[int]bool{}}
	for i := range stepNames {
		inReturns.Numeric[i+1] = true
	}
	for _, c := range cells {
		if l := c.Latency; l != nil && l.P50 > 0 {
			values := []string{lasting(l.P50), lasting(l.P99), lasting(l.Max)}
			commits.Rows = append(commits.Rows, chart.RangeRow{Name: nameOf(c), Usual: micro(l.P50), High: micro(l.P99), Highest: micro(l.Max),
				Values: values[0] + " · " + values[1] + " · " + values[2]})
			inCommits.Rows = append(inCommits.Rows, append([]string{nameOf(c)}, values...))
		}
		if r, any := slowest(c); any {
			row := stepRow(r)
			row.Name = nameOf(c)
			returns.Rows = append(returns.Rows, row)
			cells := []string{nameOf(c)}
			for _, took := range stepsOf(r) {
				cells = append(cells, lasting(took))
			}
			inReturns.Rows = append(inReturns.Rows, cells)
		}
	}
	if len(commits.Rows) > 1 {
		figures = append(figures, figure{Caption: "How long a commit took: p50, p99 and the slowest (the scale is logarithmic)", Picture: commits.SVG(), Data: inCommits,
			Legend: []sign{{"usual", "p50"}, {"high", "p99"}, {"highest", "the slowest"}}})
	}
	if len(returns.Rows) > 1 {
		figures = append(figures, figure{Caption: "The slowest recovery: from a deletion to the first new acknowledgement, in steps", Picture: returns.SVG(), Data: inReturns, Legend: legendOf(returns)})
	}
	return figures
}

func slowest(c result.Cell) (result.Recovery, bool) {
	all := c.Recoveries()
	if len(all) == 0 || c.SlowestRecovery() == 0 {
		return result.Recovery{}, false
	}
	return slices.MaxFunc(all, func(a, b result.Recovery) int { return cmp.Compare(a.FirstAck, b.FirstAck) }), true
}
