package volume

import (
	"bytes"
	"errors"
	"io"
)

// blankSize is the size in bytes of a blank block: so many zeros at a multiple of blankSize.
// A blank block ends the journal on a device. A device that begins with one is blank.
const blankSize = 1 << 20

// imageReader reads the journal in a copy of a device.
type imageReader struct {
	in        io.Reader
	minLength int64
	block     []byte
	read      int64 // bytes read from in
	// zeros are held back until data follows: the end of the journal may be before them.
	// data is what remains to be returned of the block; trailing zeros follow it.
	zeros, trailing int64
	data            []byte
	err             error
}

// NewImageReader returns a reader of the journal in a copy of a device. It ends where a
// Reader of the device would end: before the first MiB of zeros that begins at a multiple
// of one MiB, and not before minLength bytes.
func NewImageReader(in io.Reader, minLength int64) io.Reader {
	return &imageReader{in: in, minLength: minLength, block: make([]byte, blankSize)}
}

func (i *imageReader) Read(p []byte) (int, error) {
	for len(i.data) == 0 && i.err == nil {
		i.fill()
	}
	if len(i.data) == 0 {
		return 0, i.err
	}
	if i.zeros > 0 {
		n := int(min(int64(len(p)), i.zeros))
		clear(p[:n])
		i.zeros -= int64(n)
		return n, nil
	}
	n := copy(p, i.data)
	if i.data = i.data[n:]; len(i.data) == 0 {
		i.zeros, i.trailing = i.trailing, 0
	}
	return n, nil
}

// fill reads the next block.
func (i *imageReader) fill() {
	n, err := io.ReadFull(i.in, i.block)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	i.err = err
	i.data = bytes.TrimRight(i.block[:n], "\x00")
	zeros := int64(n - len(i.data))
	switch {
	case len(i.data) > 0:
		i.trailing = zeros
	case n == blankSize && i.read >= i.minLength:
		i.err = io.EOF
	default:
		i.zeros += zeros
	}
	i.read += int64(n)
}
