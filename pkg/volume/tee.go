package volume

import "io"

const (
	// teeBuffers is how many buffers a Tee has, in addition to the one that is being filled.
	teeBuffers = 4
	// teeBufferSize fits several times into a processor's cache.
	teeBufferSize = 256 << 10
)

// Tee returns what it reads from a reader, and writes it to a writer in a goroutine of its own. So a caller that scans
// what it reads, and a writer that computes a checksum, each use a processor. It is not safe for concurrent use.
type Tee struct {
	in      io.Reader
	filling []byte
	empty   chan []byte
	full    chan []byte
	written chan error
}

// NewTee returns a Tee. Its owner must call Close, which ends the goroutine.
func NewTee(in io.Reader, out io.Writer) *Tee {
	t := &Tee{
		in: in, filling: make([]byte, 0, teeBufferSize),
		empty: make(chan []byte, teeBuffers+1), full: make(chan []byte, teeBuffers), written: make(chan error, 1),
	}
	for range teeBuffers {
		t.empty <- nil // allocated when it is needed
	}
	go func() { t.written <- t.write(out) }()
	return t
}

// Read implements io.Reader.
func (t *Tee) Read(b []byte) (int, error) {
	n, err := t.in.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		part := min(len(rest), cap(t.filling)-len(t.filling))
		t.filling, rest = append(t.filling, rest[:part]...), rest[part:]
		if len(t.filling) == cap(t.filling) {
			t.pass()
		}
	}
	return n, err
}

// Close waits until everything that was read is written. It returns the first error of the writer.
func (t *Tee) Close() error {
	t.full <- t.filling
	close(t.full)
	return <-t.written
}

// pass passes the filled buffer to the writer, and takes an empty one.
func (t *Tee) pass() {
	t.full <- t.filling
	if t.filling = <-t.empty; t.filling == nil {
		t.filling = make([]byte, 0, teeBufferSize)
	}
}

// write writes full buffers until the Tee is closed. After an error, it only empties them.
func (t *Tee) write(out io.Writer) error {
	var err error
	for b := range t.full {
		if err == nil {
			_, err = out.Write(b)
		}
		t.empty <- b[:0]
	}
	return err
}
