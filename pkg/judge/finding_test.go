package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFinding_String(t *testing.T) {
	assert.Equal(t, "lost-tail: 40 acknowledged records, epoch 1 sequence 61 to 100",
		Finding{Class: LostTail, Epoch: 1, First: 61, Last: 100, Records: 40}.String())
	assert.Equal(t, "torn: 1 acknowledged record, epoch 1 sequence 61",
		Finding{Class: Torn, Epoch: 1, First: 61, Last: 61, Records: 1}.String())
	assert.Equal(t, "missing: 150 acknowledged records, epoch 1 sequence 1 to epoch 2 sequence 50",
		Finding{Class: Missing, Epoch: 1, First: 1, LastEpoch: 2, Last: 50, Records: 150}.String())
	assert.Equal(t, "foreign (3 records of journal fedcba9876543210)",
		Finding{Class: Foreign, Detail: "3 records of journal fedcba9876543210"}.String())
}

func TestSummary_WritesOutTheFirstAndCountsTheOthers(t *testing.T) {
	a, b := Finding{Class: Missing}, Finding{Class: Torn}
	assert.Empty(t, Summary(nil))
	assert.Equal(t, "missing", Summary([]Finding{a}))
	assert.Equal(t, "missing; torn; torn", Summary([]Finding{a, b, b}))
	assert.Equal(t, "missing; torn; torn; 1 more finding", Summary([]Finding{a, b, b, a}))
	assert.Equal(t, "missing; torn; torn; 2 more findings", Summary([]Finding{a, b, b, a, a}))
}

func TestCount_PluralisesTheNoun(t *testing.T) {
	assert.Equal(t, "0 deletions", Count(0, "deletion"))
	assert.Equal(t, "1 deletion", Count(1, "deletion"))
	assert.Equal(t, "1 recovery", Count(1, "recovery"))
	assert.Equal(t, "2 recoveries", Count(2, "recovery"))
	assert.Equal(t, "2 records", Count(uint64(2), "record"))
	assert.Equal(t, "12 345 bytes", Count(int64(12345), "byte"))
}

func TestPlural_AgreesWithTheNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0 cells are left", 1: "1 cell is left", 2: "2 cells are left"} {
		assert.Equal(t, want, Plural(n, "cell is left", "cells are left"))
	}
}
