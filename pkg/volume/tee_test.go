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

func TestTee_ReturnsAndWritesWhatItReads(t *testing.T) {
	all := bytes.Repeat([]byte("0123456"), 400_000)
	for _, n := range []int{0, 1, teeBufferSize - 1, teeBufferSize, teeBufferSize + 1, 7 * teeBufferSize, len(all)} {
		for _, piece := range []int{1001, teeBufferSize, 3*teeBufferSize + 5} {
			var written bytes.Buffer
			tee := NewTee(bytes.NewReader(all[:n]), &written)
			var read bytes.Buffer
			_, err := io.CopyBuffer(struct{ io.Writer }{&read}, tee, make([]byte, piece))
			require.NoError(t, err)
			require.NoError(t, tee.Close())
			require.True(t, bytes.Equal(all[:n], read.Bytes()), "%d bytes in pieces of %d", n, piece)
			require.True(t, bytes.Equal(all[:n], written.Bytes()), "%d bytes in pieces of %d", n, piece)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestTee_ReturnsErrorsOfTheReaderAndTheWriter(t *testing.T) {
	broken, full := errors.New("broken"), errors.New("full")
	in := io.MultiReader(bytes.NewReader(make([]byte, 20*teeBufferSize)), iotest.ErrReader(broken))
	tee := NewTee(in, failingWriter{full})
	n, err := io.Copy(io.Discard, struct{ io.Reader }{tee})
	assert.Equal(t, int64(20*teeBufferSize), n)
	assert.ErrorIs(t, err, broken)
	assert.ErrorIs(t, tee.Close(), full)
}
