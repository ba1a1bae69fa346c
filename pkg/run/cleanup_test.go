package run

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestInOneLine_HasEachErrorOnce(t *testing.T) {
	timedOut := errors.New("the cleanup timed out")
	err := errors.Join(timedOut, errors.Join(errors.New("pod a"), timedOut), timedOut)
	assert.Equal(t, "the cleanup timed out; pod a", inOneLine(err))
}
