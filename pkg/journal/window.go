package journal

import (
	"errors"
	"io"
)

// window is a sliding view of a stream.
type window struct {
	r      io.Reader
	buffer []byte
	unread []byte // the part of buffer that was read from r and not discarded
	offset int64  // offset of unread in the stream
	filled bool   // the last read filled the buffer: a larger one would read more
	eof    bool
}

// A window starts small, for short files. While reads fill it, it grows to readWindow, which
// still fits into a processor's cache; measurements showed that larger reads are not faster. The search
// for the next record may need maxWindow.
const (
	minWindow  = 8 << 10
	readWindow = 256 << 10
	maxWindow  = 1<<20 + searchWindow
)

// peek returns the next n bytes, or what is left if there are fewer.
func (w *window) peek(n int) ([]byte, error) {
	for len(w.unread) < n && !w.eof {
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	return w.unread[:min(n, len(w.unread))], nil
}

func (w *window) fill() error {
	buffer := w.buffer
	crowded := 2*len(w.unread) >= len(buffer) && len(buffer) < maxWindow
	if crowded || w.filled && len(buffer) < readWindow {
		buffer = make([]byte, min(max(2*len(buffer), minWindow), maxWindow))
	}
	kept := copy(buffer, w.unread)
	w.buffer = buffer
	n, err := w.r.Read(w.buffer[kept:])
	w.unread = w.buffer[:kept+n]
	w.filled = len(w.unread) == len(w.buffer)
	if errors.Is(err, io.EOF) {
		w.eof = true
		return nil
	}
	return err
}

func (w *window) discard(n int) {
	w.unread = w.unread[n:]
	w.offset += int64(n)
}

// isAtEnd reports whether all of the stream was read and discarded.
func (w *window) isAtEnd() bool { return w.eof && len(w.unread) == 0 }
