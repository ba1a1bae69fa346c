package main

import (
	"fmt"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

// The limits of what an additional cell may cost.
const (
	maxProcessor = 0.03 // seconds
	maxRequests  = 20
	maxMemory    = 0.5 // MiB
	// maxGrowth limits the cost of the last batch of a run, relative to that of the first one.
	maxGrowth = 1.1
)

// costRatios returns the rows of the table of ratios for the costs of runs, which are sorted by the number of cells.
func costRatios(costs []cost) []ratio.Row {
	fewest, most := costs[0], costs[len(costs)-1]
	rows := batchRatios(most)
	if most.cells == fewest.cells {
		return rows
	}
	each := additionalCost(fewest, most)
	limited := func(what, unit string, value, limit float64) ratio.Row {
		measured := fmt.Sprintf("%s per additional cell, from %d to %d", what, fewest.cells, most.cells)
		return ratio.Limited("Cells", measured, unit, value, limit)
	}
	return append([]ratio.Row{
		limited("processor time", "s", each.processor, maxProcessor),
		limited("requests", "requests", each.requests, maxRequests),
		limited("peak memory", "MiB", each.mib, maxMemory),
	}, rows...)
}

// batchRatios returns the rows that compare the last batch of a run with the first one, if the run has several.
func batchRatios(c cost) []ratio.Row {
	if len(c.batches) < 2 {
		return nil
	}
	first, last := c.batches[0], c.batches[len(c.batches)-1]
	compared := func(what, unit string, value, peer float64) ratio.Row {
		return ratio.Row{
			Area: "Cells", Measured: fmt.Sprintf("%s of the last batch of %d cells", what, c.cells), Peer: "the first batch",
			Unit: unit, Value: value, PeerValue: peer, AtMost: maxGrowth,
		}.OfValues()
	}
	return []ratio.Row{
		compared("processor time", "s", last.processor.Seconds(), first.processor.Seconds()),
		compared("requests", "requests", float64(last.requests), float64(first.requests)),
		compared("time", "s", last.duration.Seconds(), first.duration.Seconds()),
	}
}
