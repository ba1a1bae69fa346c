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

func TestTheJournalInACopyOfADeviceEndsWhereNothingWasWritten(t *testing.T) {
	const page = 4096
	something, hole, blank := bytes.Repeat([]byte("x"), 3*page), make([]byte, page), make([]byte, 2*blankSize)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		copied   []byte
		promised int64
		want     []byte
	}{
		"a journal":                          {join(something, blank), 100, something},
		"one that fills the device":          {something, 100, something},
		"an end that is not at a multiple":   {join(something, hole), 100, something},
		"a hole in what nobody was promised": {join(something, hole, something, blank), 100, join(something, hole, something)},
		"a page less than a MiB":             {join(something, make([]byte, 2*blankSize-4*page), something), 100, join(something, make([]byte, 2*blankSize-4*page), something)},
		"a MiB of zeros":                     {join(something, blank, something), 100, something},
		"a MiB within what was promised":     {join(something, blank, something, blank), 2*blankSize + 1, join(something, blank, something)},
		"a blank device":                     {blank, 0, nil},
		"a blank one with a promise":         {blank, 100, nil},
		"nothing":                            {nil, 100, nil},
	} {
		for how, in := range map[string]io.Reader{
			"at once": bytes.NewReader(c.copied), "by halves": iotest.HalfReader(bytes.NewReader(c.copied)), "with data at the end": iotest.DataErrReader(bytes.NewReader(c.copied)),
		} {
			got, err := io.ReadAll(NewImageReader(in, c.promised))
			require.NoError(t, err)
			assert.True(t, bytes.Equal(c.want, got), "%s, %s: %d bytes, not %d", name, how, len(got), len(c.want))
		}
	}
}

func TestACopyThatCannotBeReadIsAnError(t *testing.T) {
	broken := errors.New("broken")
	got, err := io.ReadAll(NewImageReader(io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(broken)), 0))
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, "x", string(got))
}
