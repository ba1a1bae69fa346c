package judge

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheClassOfAVolumesErrors(t *testing.T) {
	for err, want := range map[error]Class{
		fmt.Errorf("opening: %w", syscall.EROFS):  ReadOnly,
		fmt.Errorf("reading: %w", syscall.EIO):    Unavailable,
		fmt.Errorf("reading: %w", syscall.ESTALE): Unavailable,
		fmt.Errorf("opening: %w", syscall.EACCES): "",
		fmt.Errorf("writing: %w", syscall.ENOSPC): "",
	} {
		assert.Equal(t, want, ClassOfError(err), err)
	}
	assert.Empty(t, ClassOfError(nil))
}

func TestASummaryNamesTheFirstAndCountsTheOthers(t *testing.T) {
	a, b := Finding{Class: Missing}, Finding{Class: Torn}
	assert.Empty(t, Summary(nil))
	assert.Equal(t, "missing", Summary([]Finding{a}))
	assert.Equal(t, "missing; torn; torn", Summary([]Finding{a, b, b}))
	assert.Equal(t, "missing; torn; torn; 1 more finding", Summary([]Finding{a, b, b, a}))
	assert.Equal(t, "missing; torn; torn; 2 more findings", Summary([]Finding{a, b, b, a, a}))
}
