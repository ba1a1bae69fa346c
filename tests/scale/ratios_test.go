package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCostRatios_CompareWithLimitsAndWithTheFirstBatch(t *testing.T) {
	few := cost{cells: 1, processor: time.Second, peakMemory: 30 << 20, requests: &requests{}}
	many := cost{
		cells: 101, processor: 4 * time.Second, peakMemory: 80 << 20,
		requests: &requests{byKind: map[string]int{"get": 1000}},
		batches: []batchCost{
			{duration: 100 * time.Second, processor: 2 * time.Second, requests: 400},
			{duration: 110 * time.Second, processor: time.Second, requests: 500},
		},
	}
	got := map[string]float64{}
	for _, r := range costRatios([]cost{few, many}) {
		got[r.Measured] = r.Ratio
	}
	for measured, ratio := range map[string]float64{
		"processor time per additional cell, from 1 to 101": 1,   // 0.03 of 0.03 s
		"requests per additional cell, from 1 to 101":       0.5, // 10 of 20
		"peak memory per additional cell, from 1 to 101":    1,   // 0.5 of 0.5 MiB
		"processor time of the last batch of 101 cells":     0.5,
		"requests of the last batch of 101 cells":           1.25,
		"time of the last batch of 101 cells":               1.1,
	} {
		assert.InDelta(t, ratio, got[measured], 1e-9, measured)
	}
	assert.Len(t, got, 6)
}

func TestCostRatios_OfOneRunWithOneBatchAreNone(t *testing.T) {
	assert.Empty(t, costRatios([]cost{{cells: 1, requests: &requests{}, batches: []batchCost{{}}}}))
}
