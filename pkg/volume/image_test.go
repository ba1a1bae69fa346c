package volume

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImageReader_EndsWhereAReaderOfTheDeviceWould(t *testing.T) {
	const page = 4096
	data, hole, blank := bytes.Repeat([]byte("x"), 3*page), make([]byte, page), make([]byte, 2*blankSize)
	lessThanMiB := make([]byte, 2*blankSize-4*page)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		copied    []byte
		minLength int64
		want      []byte
	}{
		"a journal":                         {join(data, blank), 100, data},
		"one that fills the device":         {data, 100, data},
		"an end that is not at a multiple":  {join(data, hole), 100, data},
		"a hole after the minimum length":   {join(data, hole, data, blank), 100, join(data, hole, data)},
		"a page less than a MiB":            {join(data, lessThanMiB, data), 100, join(data, lessThanMiB, data)},
		"a MiB of zeros":                    {join(data, blank, data), 100, data},
		"a MiB within the minimum length":   {join(data, blank, data, blank), 2*blankSize + 1, join(data, blank, data)},
		"a blank device":                    {blank, 0, nil},
		"a blank one with a minimum length": {blank, 100, nil},
		"nothing":                           {nil, 100, nil},
	} {
		for how, in := range map[string]io.Reader{
			"at once":              bytes.NewReader(c.copied),
			"by halves":            iotest.HalfReader(bytes.NewReader(c.copied)),
			"with data at the end": iotest.DataErrReader(bytes.NewReader(c.copied)),
		} {
			got, err := io.ReadAll(NewImageReader(in, c.minLength))
			require.NoError(t, err)
			assert.True(t, bytes.Equal(c.want, got), "%s, %s: %d bytes, not %d", name, how, len(got), len(c.want))
		}
	}
}

func TestImageReader_ReturnsAReadError(t *testing.T) {
	broken := errors.New("broken")
	got, err := io.ReadAll(NewImageReader(io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(broken)), 0))
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, "x", string(got))
}
