package judge

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassOfError(t *testing.T) {
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
