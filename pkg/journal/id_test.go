package journal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNewID_IsAValidIDOfTheNameAlone(t *testing.T) {
	assert.NoError(t, Format{ID: NewID("run"), RecordSize: 256}.Validate())
	assert.Equal(t, NewID("run"), NewID("run"))
	assert.NotEqual(t, NewID("run"), NewID("other"))
	assert.Equal(t, "ba7816bf8f01cfea", NewID("abc"), "journals of earlier versions keep their IDs")
}
