package volume

import (
	"bytes"
	"errors"
	"io"
)

// blankSize is how many zeros end the journal on a device, in bytes, where they
// begin at a multiple of it. What a new device holds first is looked at as far.
const blankSize = 1 << 20

// image reads the journal in a copy of a device.
type image struct {
	in       io.Reader
	promised int64
	block    []byte
	read     int64 // of the copy
	// zeros are held back until something follows: the end may be before them. Of the
	// block, something is still to be handed out, and after it there are so many zeros.
	zeros, after int64
	something    []byte
	ended        error
}

// Image reads the journal that lies in a copy of a device, and ends where a Reader of
// the device would end: before the first MiB of zeros that begins at a multiple of it,
// behind all that was promised, in bytes. Zeros before that are no end.
func NewImageReader(in io.Reader, promised int64) io.Reader {
	return &image{in: in, promised: promised, block: make([]byte, blankSize)}
}

func (i *image) Read(p []byte) (int, error) {
	for len(i.something) == 0 && i.ended == nil {
		i.fill()
	}
	if len(i.something) == 0 {
		return 0, i.ended
	}
	if i.zeros > 0 {
		n := int(min(int64(len(p)), i.zeros))
		clear(p[:n])
		i.zeros -= int64(n)
		return n, nil
	}
	n := copy(p, i.something)
	if i.something = i.something[n:]; len(i.something) == 0 {
		i.zeros, i.after = i.after, 0
	}
	return n, nil
}

// fill looks at the next MiB.
func (i *image) fill() {
	n, err := io.ReadFull(i.in, i.block)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	i.ended = err
	i.something = bytes.TrimRight(i.block[:n], "\x00")
	zeros := int64(n - len(i.something))
	switch {
	case len(i.something) > 0:
		i.after = zeros
	case n == blankSize && i.read >= i.promised:
		i.ended = io.EOF
	default:
		i.zeros += zeros
	}
	i.read += int64(n)
}
