package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

func TestClassOfError_NumbersMatchTheirNames(t *testing.T) {
	for _, e := range errnoClasses() {
		name := unix.ErrnoName(e.Errno)
		if e.Errno == unix.EUCLEAN {
			name = "EUCLEAN" // unix also has it as EFSCORRUPTED
		}
		assert.Equal(t, e.Name, name)
	}
}
