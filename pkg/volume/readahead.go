//go:build linux || darwin

package volume

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxReadAhead is how many requests may be in flight while the caller of a Reader processes an earlier one.
const maxReadAhead = 2

// readAhead reads the next parts of a source while the caller of a Reader processes an earlier one. It begins after a
// complete request, so it does not read ahead in a file of less than one request. Its results are those of
// the same reads without it. It is not safe for concurrent use.
type readAhead struct {
	source source
	// inFlight are adjacent requests, in the order of their offsets.
	inFlight []*request
	// unused are buffers of the size of a request.
	unused [][]byte
}

// request is a read of a whole buffer. n and err are valid once done is closed.
type request struct {
	buffer []byte
	offset int64
	n      int
	err    error
	done   chan struct{}
}

// read reads a whole buffer at an offset, as source.pread does. It takes the caller's buffer and returns another one of
// the same size, or the same.
func (a *readAhead) read(buffer []byte, offset int64) ([]byte, int, error) {
	current := a.requestAt(offset)
	if current == nil {
		a.wait()
		n, err := a.source.pread(buffer, offset)
		current = &request{buffer: buffer, n: n, err: err}
	} else {
		a.unused = append(a.unused, buffer)
	}
	if current.err == nil && current.n == len(current.buffer) {
		current.err = a.startAfter(offset, int64(current.n))
	}
	return current.buffer, current.n, current.err
}

// requestAt removes the request for an offset from those in flight, and returns it after it has ended. It returns nil
// if the next request in flight has another offset.
func (a *readAhead) requestAt(offset int64) *request {
	if len(a.inFlight) == 0 || a.inFlight[0].offset != offset {
		return nil
	}
	r := a.inFlight[0]
	a.inFlight = a.inFlight[1:]
	<-r.done
	return r
}

// startAfter starts requests of a size until maxReadAhead are in flight after the one at an offset.
func (a *readAhead) startAfter(offset, size int64) error {
	for i := len(a.inFlight); i < maxReadAhead; i++ {
		buffer, err := a.buffer(int(size))
		if err != nil {
			return err
		}
		r := &request{buffer: buffer, offset: offset + int64(i+1)*size, done: make(chan struct{})}
		a.inFlight = append(a.inFlight, r)
		go func() {
			defer close(r.done)
			r.n, r.err = a.source.pread(r.buffer, r.offset)
		}()
	}
	return nil
}

func (a *readAhead) buffer(size int) ([]byte, error) {
	if last := len(a.unused) - 1; last >= 0 {
		buffer := a.unused[last]
		a.unused = a.unused[:last]
		return buffer, nil
	}
	return newBuffer(size)
}

// wait waits for the requests in flight, and discards what they read.
func (a *readAhead) wait() {
	for _, r := range a.inFlight {
		<-r.done
		a.unused = append(a.unused, r.buffer)
	}
	a.inFlight = nil
}

// release waits for the requests in flight, and releases all buffers.
func (a *readAhead) release() error {
	a.wait()
	var errs []error
	for _, buffer := range a.unused {
		errs = append(errs, unix.Munmap(buffer))
	}
	a.unused = nil
	return errors.Join(errs...)
}

// newBuffer returns a buffer for direct reads. They need one that is aligned to a page, as a mapping is.
func newBuffer(size int) ([]byte, error) {
	buffer, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("allocating a buffer of %d bytes: %w", size, err)
	}
	return buffer, nil
}
